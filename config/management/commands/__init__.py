"""One command a module: serving the product with its demo, and daily housekeeping."""
