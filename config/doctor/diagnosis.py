"""What the doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that the operator should know.

    Attributes:
        sentence: what it is, and how to mend it.
        is_wrong: whether something does not work because of it; otherwise it may be meant.
    """

    subject: str
    sentence: str
    is_wrong: bool = True
