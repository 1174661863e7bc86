"""Accounts: the tokens of a person, roles, invitations, and the ways to log in. Every write is told to the audit trail."""
