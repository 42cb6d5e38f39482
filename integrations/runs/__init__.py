"""Reading the record of runs: filters, pages, counts, the steps of a run, and what to do about its code."""
