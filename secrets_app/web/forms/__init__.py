"""The forms of secrets: reading what was submitted, and the fields to show again. No form puts a value into a page."""
