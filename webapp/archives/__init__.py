"""Experiments as archives: writing one, and bringing one from another installation."""
