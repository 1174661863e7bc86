"""Who did what and when: told by the functions that people's acts go through, read by admins."""
