"""Checks of source text that no linter makes: formats of all languages, long lines, names that are figures of speech."""
