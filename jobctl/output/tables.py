"""One table in any of the formats: for a terminal, for a pipe, for a spreadsheet, for a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, Literal, TextIO, TypeVar

from jobctl.output.text import escape
from jobctl.records import dataclass

Row = TypeVar("Row")
Value = str | int | float | None

FORMATS: Final = ("plain", "csv", "tsv", "github", "html")
GAP: Final = 2
NARROWEST: Final = 12
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class View:
    """What a cell's text depends on beside its row."""

    now: int
    terminal: bool
    """Whether the table is drawn on a terminal, where cells may be shortened."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column: its value for machines and its text for people; without `text` they are the same."""

    title: str
    value: Callable[[Row], Value]
    text: Callable[[Row, View], str] | None = None
    style: Callable[[Row], str] | None = None
    """The colour of a cell on a terminal, as rich names it."""
    right: bool = False
    flexible: bool = False
    """On a narrow terminal, this column is shortened before others."""
    optional: bool = False
    """Where shortening would not be enough, it is left out."""

    def machine(self, row: Row) -> Value:
        value = self.value(row)
        return escape(value) if isinstance(value, str) else value

    def human(self, row: Row, view: View) -> str:
        if self.text is not None:
            return escape(self.text(row, view))
        value = self.value(row)
        return "" if value is None else escape(str(value))


def render(kind: str, columns: Sequence[Column[Row]], rows: Iterable[Row], view: View, color: bool) -> None:
    """Print the rows on stdout in the format `kind`: rich, or one of FORMATS."""
    if sys.stdout is None:
        return
    if kind == "rich":
        _rich(columns, list(rows), view, color)
    elif kind == "csv":
        _csv(sys.stdout, columns, rows)
    elif kind == "tsv":
        _tsv(sys.stdout, columns, rows)
    elif kind == "plain":
        _plain(sys.stdout, columns, [[c.human(row, view) for c in columns] for row in rows])
    else:
        _tabulate(sys.stdout, kind, columns, [[c.human(row, view) for c in columns] for row in rows])


def _csv(stream: TextIO, columns: Sequence[Column[Row]], rows: Iterable[Row]) -> None:
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    for row in rows:
        writer.writerow([_no_formula(column.machine(row)) for column in columns])


def _no_formula(value: Value) -> Value:
    """A spreadsheet runs a text that begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _tsv(stream: TextIO, columns: Sequence[Column[Row]], rows: Iterable[Row]) -> None:
    stream.write("\t".join(column.title for column in columns) + "\n")
    for row in rows:
        values = (_no_formula(column.machine(row)) for column in columns)
        stream.write("\t".join("" if value is None else str(value) for value in values) + "\n")


def _plain(stream: TextIO, columns: Sequence[Column[Row]], cells: list[list[str]]) -> None:
    lines = [[column.title.upper() for column in columns], *cells]
    widths = [max(width(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = []
        for column, cell, full in zip(columns, line, widths, strict=True):
            space = " " * (full - width(cell))
            padded.append(space + cell if column.right else cell + space)
        stream.write("  ".join(padded).rstrip() + "\n")


def width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _tabulate(stream: TextIO, kind: str, columns: Sequence[Column[Row]], cells: list[list[str]]) -> None:
    import tabulate  # only for these two formats: it costs 30 ms

    if kind == "github":
        cells = [[cell.replace("|", r"\|") for cell in line] for line in cells]
    align = ["right" if column.right else "left" for column in columns]
    titles = [column.title for column in columns]
    text = tabulate.tabulate(cells, titles, tablefmt=kind, disable_numparse=True, colalign=align if cells else None)
    stream.write(text + "\n")


def _rich(columns: Sequence[Column[Row]], rows: list[Row], view: View, color: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    piped = not sys.stdout.isatty()
    console = Console(
        file=sys.stdout,
        force_terminal=True,
        color_system="standard" if color else None,
        no_color=not color,
        width=10_000 if piped else None,  # nothing is cut in a pipe
        highlight=False,
        markup=False,
        emoji=False,
    )
    cells = [[column.human(row, view) for column in columns] for row in rows]
    while least_width(columns, cells) > console.width and any(column.optional for column in columns):
        out = next(index for index, column in enumerate(columns) if column.optional)
        columns = [*columns[:out], *columns[out + 1 :]]
        cells = [[*line[:out], *line[out + 1 :]] for line in cells]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column, room in zip(columns, fit(columns, cells, console.width), strict=True):
        side: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(column.title, justify=side, no_wrap=True, overflow="ellipsis", width=room)
    for row, texts in zip(rows, cells, strict=True):
        styles = (column.style(row) if column.style else "" for column in columns)
        table.add_row(*(Text(text, style=style) for text, style in zip(texts, styles, strict=True)))
    console.print(table)


def least_width(columns: Sequence[Column[Row]], cells: Sequence[Sequence[str]]) -> int:
    """The width at which only the flexible columns have been shortened, and none below NARROWEST."""
    total = GAP * (len(columns) - 1)
    for column, texts in _by_column(columns, cells):
        full = max(map(width, (column.title, *texts)))
        total += min(full, NARROWEST) if column.flexible else full
    return total


def fit(columns: Sequence[Column[Row]], cells: Sequence[Sequence[str]], total: int) -> list[int]:
    """The widths at which the columns fit on a terminal: the flexible ones give way first, the widest of them most."""
    natural = (max(map(width, (column.title, *texts))) for column, texts in _by_column(columns, cells))
    widths = [min(size, total) for size in natural]
    excess = sum(widths) + GAP * (len(widths) - 1) - total
    for least, yielding in ((NARROWEST, [c.flexible for c in columns]), (1, [True] * len(columns))):
        while excess > 0:
            widest = max((w for w, y in zip(widths, yielding, strict=True) if y), default=0)
            if widest <= least:
                break
            widths[[w if y else 0 for w, y in zip(widths, yielding, strict=True)].index(widest)] -= 1
            excess -= 1
    return widths


def _by_column(
    columns: Sequence[Column[Row]], cells: Sequence[Sequence[str]]
) -> Iterator[tuple[Column[Row], tuple[str, ...]]]:
    for index, column in enumerate(columns):
        yield column, tuple(line[index] for line in cells)
