"""The engine: a run from its specification to predictions and weights. The only package that may import torch."""
