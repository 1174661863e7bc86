"""Archives of experiments: writing one, and importing one from another installation."""
