"""Heads, trained side by side: probes on features and bags of words, each a linear layer on one vector for each row."""
