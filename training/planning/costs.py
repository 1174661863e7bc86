"""The cost model of estimates: seconds on two CPU cores with the embedded data set, of 27 tokens per text."""

STARTUP_SECONDS = 0.5
HEAD_STEP_SECONDS = 6e-4
"""One optimiser step of a probe or a bag of words, with its share of the evaluations."""
HEAD_WEIGHT_SECONDS = 8e-9
"""Seconds of a step for each weight of a head: passes of the optimiser, and products of a batch of 32."""
HEAD_EVALUATION_SECONDS = 5e-11
"""One row through one weight of a head, in its evaluations."""
LAYER_SECONDS = 4.5e-4
"""One text forward through one transformer layer; training on it costs about four times as much."""
IMAGE_LAYERS = 7
"""One image through a transformer's layer costs as many texts: it has about 200 tokens."""
LITE0_SECONDS = 8e-3
"""A small image through EfficientNet-Lite0."""
IMAGE_SECONDS = 1e-3
"""Decoding of an image, and its reduction to a few grey values."""
LAYER_WIDTH = 384
"""Width of the measured layer; the cost of others is in proportion to their weights, the square of their width."""
FULL_STEP_SECONDS = 0.02
"""One step of AdamW over all weights of a transformer."""

HEAD_EVALUATIONS = 51
"""Evaluations of a head, the untrained one included."""
HEAD_COPIES, FLOAT = 10, 4
"""Copies of its weights that a head in training has at one time, and bytes of a number."""

EVALUATION_SHARE = 0.1
"""Share of a transformer's training time that its evaluations may take; those of a head take next to nothing."""
FEWEST_EVALUATIONS, FEWEST_EVALUATED = 5, 128
"""Smallest number of evaluations of a transformer, and of test rows in each, at any cost."""

WRITTEN_PASSES = 3
"""Forward passes over a prompt that decoding its answer takes, about: its tokens follow one by one, in batches.

Measured in processor time (2026-11-29, one thread, fp32): after prompts of 53 tokens 1.9 and 2.2 for the two tokens of a chess
move, 2.5 to 3.9 for twelve tokens; SmolLM2, twelve tokens: 4.3 after 8 tokens of a prompt, 2.1 after 66.
"""
