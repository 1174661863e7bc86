"""Backups: the database and the files of an installation as one file, from which another installation is made."""
