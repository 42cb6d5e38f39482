"""The curves of a part of the benchmark as SVG files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    font_family="system-ui, sans-serif",
    colors=("#0f766e", "#b45309", "#1d4ed8", "#be185d", "#4d7c0f", "#6d28d9"),
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart: what goes along, what goes up, and a line for each different value of `line`."""

    name: str
    title: str
    along: str
    up: str
    line: str
    only: tuple[str, str] | None = None
    """A column and the value that it must have."""
    logarithmic: bool = False


PLOTS = {
    "secret_list": [
        Plot("secret_list", "The list of secrets: milliseconds by number of secrets", "secrets", "median_ms", "request")
    ],
    "records": [
        Plot("records", "Runs and audit events: milliseconds by length of the list", "records", "median_ms", "request")
    ],
    "broker": [
        Plot(f"broker-{which}-{name}", f"{title}, {words}", "connections", up, "through", ("upstream", which), True)
        for which, words in (("fast", "upstream without delay"), ("slow", "upstream of 200 ms"))
        for name, up, title in (
            ("throughput", "per_second", "Calls a second by calls at once"),
            ("p99", "p99_ms", "p99 in milliseconds by calls at once"),
            ("cpu", "cpu_ms", "CPU milliseconds a call by calls at once"),
        )
    ],
}


def write(part: str, rows: Rows, folder: Path) -> list[Path]:
    """Draw the plots of a part into a folder; the files."""
    return [_write(plot, rows, folder) for plot in PLOTS.get(part, [])]


def _write(plot: Plot, rows: Rows, folder: Path) -> Path:
    chosen = [row for row in rows if plot.only is None or row[plot.only[0]] == plot.only[1]]
    along = sorted({row[plot.along] for row in chosen})
    chart = pygal.Line(
        title=plot.title,
        x_labels=[f"{number:,}" for number in along],
        style=STYLE,
        js=[],
        width=820,
        height=420,
        legend_at_bottom=True,
        logarithmic=plot.logarithmic,
        disable_xml_declaration=True,
    )
    for name, points in _lines(plot, chosen):
        chart.add(name, [points.get(number) for number in along])
    file = folder / f"{plot.name}.svg"
    file.write_text(chart.render(is_unicode=True) + "\n")
    return file


def _lines(plot: Plot, rows: Rows) -> Iterator[tuple[str, dict[Any, float]]]:
    for name in dict.fromkeys(row[plot.line] for row in rows):
        yield name, {row[plot.along]: row[plot.up] for row in rows if row[plot.line] == name and row[plot.up]}
