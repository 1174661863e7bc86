"""The cost model of estimates: seconds on two CPU cores with the embedded data set, of 27 tokens per text."""

STARTUP_SECONDS = 0.5
HEAD_STEP_SECONDS = 6e-4
"""One optimiser step of a probe or a bag of words, with its share of the evaluations."""
LAYER_SECONDS = 4.5e-4
"""One text forward through one transformer layer; training on it costs about four times as much."""
LAYER_WIDTH = 384
"""Width of the measured layer; the cost of others is in proportion to their weights, the square of their width."""
FULL_STEP_SECONDS = 0.02
"""One step of AdamW over all weights of a transformer."""

EVALUATION_SHARE = 0.1
"""Share of a transformer's training time that its evaluations may take; those of a head take next to nothing."""
FEWEST_EVALUATIONS, FEWEST_EVALUATED = 5, 128
"""Smallest number of evaluations of a transformer, and of test rows in each, at any cost."""

WRITTEN_PASSES = 4
"""Forward passes over a prompt that decoding its answer takes, about: tokens of an answer follow one by one."""
