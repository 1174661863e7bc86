"""The cost model behind estimates: seconds measured on two CPU cores with the embedded data set, of 27 tokens a text."""

STARTUP_SECONDS = 0.5
HEAD_STEP_SECONDS = 6e-4
"""One optimiser step of a probe or a bag of words, with its share of the evaluations."""
LAYER_SECONDS = 4.5e-4
"""One text forward through one transformer layer; training on it costs about four times as much."""
LAYER_WIDTH = 384
"""Of the layer that was measured; others cost in proportion to their weights, the square of their width."""
FULL_STEP_SECONDS = 0.02
"""AdamW over all weights of a transformer, once per step."""

EVALUATION_SHARE = 0.1
"""Evaluations of a transformer in training may cost this share of its training; those of a head cost next to nothing."""
FEWEST_EVALUATIONS, FEWEST_EVALUATED = 5, 300
"""Least number of evaluations of a transformer, and of test rows in each, whatever they cost."""
