"""One command a module. Commands call the same services as pages and the API."""
