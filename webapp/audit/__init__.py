"""The audit log: acts of people with account and time, recorded by the functions that change something."""
