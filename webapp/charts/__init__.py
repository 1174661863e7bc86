"""Pictures of experiments: pure functions from rows and results to Vega-Lite specs and small SVG strings."""
