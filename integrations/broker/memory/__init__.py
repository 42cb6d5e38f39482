"""What the broker remembers from one run to the next: back-off, counts of nonces, facts about servers."""
