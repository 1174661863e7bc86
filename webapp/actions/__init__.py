"""Actions of people, one module for each noun: the database, the audit log and the notification, for every interface."""
