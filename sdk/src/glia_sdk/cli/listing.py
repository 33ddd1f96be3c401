"""Showing lists and single things: tables at a terminal, tab-separated lines in a pipe, JSON where it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from glia_sdk.cli.screen import Screen, harmless
from glia_sdk.client import Client

Row = dict[str, Any]
SHORTEST_TEXT = 12  # cells
GAP = 2


@dataclass(frozen=True)
class Column:
    """A column: its heading, and the field it shows or how to tell it from a row. Texts may be cut at a terminal."""

    heading: str
    value: str | Callable[[Row], Any]
    is_text: bool = False

    def of(self, row: Row) -> str:
        value = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        return cell(value)


@dataclass(frozen=True)
class Paging:
    """Which part of a list is wanted."""

    limit: int
    cursor: str | None
    is_all: bool
    as_json: bool


Show = Callable[[Screen, Iterable[Row]], None]


def path(*parts: str) -> str:
    """A path of the API; ids may hold whatever was typed."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def show_list(screen: Screen, client: Client, at: str, show: Show, paging: Paging, **query: Any) -> None:
    """Shows a page of a list, or all of it."""
    if paging.is_all:
        items = client.items(at, **query)
        show(screen, items) if not paging.as_json else _json_lines(screen, items)
        return
    page = client.page(at, **query, limit=paging.limit, cursor=paging.cursor)
    if paging.as_json:
        show_json(screen, {"items": page.items, "next_cursor": page.next_cursor})
        return
    show(screen, page.items)
    if page.next_cursor is not None:
        screen.note(f"there are more: --all, or --cursor {page.next_cursor}")


def as_table(columns: Sequence[Column]) -> Show:
    """Shows rows under headings at a terminal; elsewhere without, separated by tabs, as they come."""

    def show(screen: Screen, rows: Iterable[Row]) -> None:
        cells = ([column.of(row) for column in columns] for row in rows)
        if screen.is_live and (table := _table(columns, held := list(cells), screen.width)):
            screen.show(table)
            return
        for line in held if screen.is_live else cells:
            screen.line("\t".join(line))

    return show


def _table(columns: Sequence[Column], rows: list[list[str]], width: int) -> Table | None:
    """A table in which long texts are cut to what the others leave; None if that is too little to read."""
    widths = _widths(columns, rows, width - GAP * len(columns))
    if widths is None:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, wide in zip(columns, widths, strict=True):
        table.add_column(column.heading, width=wide)
    for row in rows:
        table.add_row(*(Text(text, no_wrap=True, overflow="ellipsis") for text in row))
    return table


def _widths(columns: Sequence[Column], rows: list[list[str]], room: int) -> list[int] | None:
    """Cells of each column: ids and the like as they are, texts an equal part of the rest."""
    widths = [
        max(cell_len(text) for text in (column.heading, *(row[n] for row in rows))) for n, column in enumerate(columns)
    ]
    texts = sorted((n for n, column in enumerate(columns) if column.is_text), key=lambda n: widths[n])
    room -= sum(wide for n, wide in enumerate(widths) if n not in texts)
    for left, n in zip(range(len(texts), 0, -1), texts, strict=True):
        share = room // left
        if share < min(widths[n], SHORTEST_TEXT):
            return None
        widths[n] = min(widths[n], share)
        room -= widths[n]
    return widths if room >= 0 else None


def show_fields(screen: Screen, row: Row, *, as_json: bool) -> None:
    """Shows one thing, a field a line; fields that are lists are for others to show."""
    if as_json:
        show_json(screen, row)
        return
    told = {name: value for name, value in row.items() if not isinstance(value, list)}
    width = max((len(name) for name in told), default=0)
    for name, value in told.items():
        screen.line(f"{cell(name):<{width}}  {cell(value)}".rstrip())


def show_json(screen: Screen, document: Any) -> None:
    screen.line(json.dumps(document, ensure_ascii=False))


def _json_lines(screen: Screen, rows: Iterator[Row]) -> None:
    for row in rows:
        show_json(screen, row)


def cell(value: Any) -> str:
    """A value on one line, without anything a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(harmless(text).split())


def moment(field: str) -> Callable[[Row], str]:
    """A time to the second."""
    return lambda row: str(row.get(field) or "")[:19].replace("T", " ")
