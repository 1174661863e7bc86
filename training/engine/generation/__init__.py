"""Runs whose model writes answers: its inputs, its decoding, and its training."""
