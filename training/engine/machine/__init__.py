"""Checks of a machine on which the engine is to train: ``python -m training doctor``."""
