"""The engine: one run from its spec to predictions and weights. The only room that may import torch."""
