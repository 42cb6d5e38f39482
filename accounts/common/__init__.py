"""Small building blocks that every app uses: environments, paging, times in words, database threads, batches.

Nothing here knows a model of Coffer or judges who may do what.
"""
