"""The one or two letters that stand for a person or an organization in an avatar."""


def initials(name: str) -> str:
    """`Mara Lindqvist` -> `ML`, `Harbor` -> `HA`, `jonas@harbor.example` -> `JO`; empty for an empty name."""
    words = name.partition("@")[0].split()
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    return "".join(words)[:2].upper()
