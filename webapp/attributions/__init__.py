"""Word attributions of runs, each computed once and stored."""
