"""Accounts: tokens, roles, invitations, and logins. Every write adds an entry to the audit log."""
