"""Shares: result pages of experiments, frozen or live, and the links that open them to who has no account."""
