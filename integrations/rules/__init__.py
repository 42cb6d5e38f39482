"""Rules of calls: what agents and people may do with an integration, may not, or have to ask for (docs/rules.md)."""
