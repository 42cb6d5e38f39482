"""The part of the form of a connection that is about passing requests through."""

from integrations.kinds.form_sections import Field, Section, Widget

_PASSING = ("pass_through", ("listed", "everything"))

PASS_THROUGH_SECTION = Section(
    "Pass-through",
    (
        Field(
            "pass_through",
            "Requests of callers",
            Widget.CHOICE,
            choices=(
                ("off", "Not passed through", "Only actions use this connection."),
                ("listed", "What is listed", "Any other method and path is refused."),
                ("everything", "Everything", "Any method and any path below the base URL."),
            ),
            default="off",
            optional=True,
        ),
        Field(
            "pass_through_paths",
            "Methods and paths",
            Widget.LINES,
            hint="One a line. {name} is one part of the path, /** at the end is everything below, * is any method.",
            placeholder="POST /v1/chat/completions",
            default=(),
            shown_for=("pass_through", ("listed",)),
        ),
        Field(
            "first_byte_seconds",
            "Seconds to the first byte",
            Widget.NUMBER,
            hint="From 1 to 300.",
            default=60,
            shown_for=_PASSING,
        ),
        Field(
            "idle_seconds",
            "Seconds without any byte",
            Widget.NUMBER,
            hint="From 1 to 600.",
            default=60,
            shown_for=_PASSING,
        ),
        Field(
            "total_seconds",
            "Seconds in all",
            Widget.NUMBER,
            hint="From 1 to 3600.",
            default=600,
            shown_for=_PASSING,
        ),
    ),
    note="SDKs that have Coffer as their base URL send requests of their own through this connection.",
)
