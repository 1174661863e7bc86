"""A webhook that is called at the end of an experiment, for a chat or a program."""
