"""From a text with placeholders to the text that is sent: grammar, encoding for each slot, JSON bodies, parameters.

This package knows no kind, request or destination.
"""
