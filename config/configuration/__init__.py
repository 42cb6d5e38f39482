"""The settings as a table, how they are read, and how a start says what is wrong with them.

`python -m config.configuration` writes docs/settings.md from the table.
"""
