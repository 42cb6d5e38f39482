"""Secrets that deserve attention: findings as queries, and the comparison of values.

A finding names the page where the problem is fixed; nothing is changed here.
"""
