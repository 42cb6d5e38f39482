"""The record of runs and its figures, among a thousand runs and among a million."""
