"""Copies of the whole database: the backup, the check of a restored one, and the way from SQLite to PostgreSQL."""
