"""Pages of runs: the list, one run, and the runs of an integration, a secret or an API key."""
