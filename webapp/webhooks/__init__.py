"""A webhook that is called when an experiment has come to rest: a chat room, or a program of one's own."""
