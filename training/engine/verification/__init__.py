"""Verification of archives: their files, their plan, and every number that can be computed again."""
