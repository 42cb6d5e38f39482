"""What every operation of the API does besides its own work.

Entity tags, addresses of new things, dry runs, and answers that are given again.
"""
