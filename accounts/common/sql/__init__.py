"""SQL that is composed once, and the round trips in which it is sent."""
