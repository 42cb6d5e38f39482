"""The progress bar: one line on a terminal, nothing elsewhere."""

import io

from django.core.management.base import OutputWrapper

from config.management.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_grows_to_the_end_on_one_line():
    terminal = Terminal()
    bar = ProgressBar(OutputWrapper(terminal), 3)
    for _ in range(3):
        bar.advance(1)
    drawn = terminal.getvalue().split("\r")
    assert [line.partition("] ")[2].strip() for line in drawn[1:]] == ["33 %", "66 %", "100 %"]
    assert drawn[-1] == f"[{'#' * 40}] 100 %\n"


def test_nothing_is_drawn_where_nobody_watches():
    stream = io.StringIO()
    ProgressBar(OutputWrapper(stream), 1).advance(1)
    assert stream.getvalue() == ""


def test_lines_say_how_far_it_is_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = ProgressBar(OutputWrapper(stream), 40, "data keys")
    for _ in range(40):
        bar.advance(1)
    assert stream.getvalue().splitlines() == [f"{done} of 40 data keys." for done in range(4, 41, 4)]
