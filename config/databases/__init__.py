"""How Coffer reaches its database: the settings `DATABASES` and `CACHES`, limits of PostgreSQL, and advice on both."""
