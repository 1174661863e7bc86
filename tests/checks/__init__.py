"""Checks of source text that no linter of ours makes: names that are figures of speech, and lines of templates that are too long."""
