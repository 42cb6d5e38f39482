"""Initials for avatars."""


def initials(name: str) -> str:
    """Return the one or two letters for a person or an organization; empty for an empty name.

    `Mara Lindqvist` -> `ML`, `Harbor` -> `HA`, `jonas@harbor.example` -> `JO`.
    """
    words = name.partition("@")[0].split()
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    return "".join(words)[:2].upper()
