"""Whether integrations work: what the end of a run says, and the words for it (docs/concepts.md, "States")."""
