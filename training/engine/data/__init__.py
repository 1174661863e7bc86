"""Data sets on their way into a model: reading, splitting, tokenising."""
