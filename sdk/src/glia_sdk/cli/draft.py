"""The draft of a design session: what was gathered, where each of it came from, and what is still missing."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Self

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from glia_sdk.cli.listing import Row, cell
from glia_sdk.cli.screen import Screen, harmless

WIDE = 90  # columns from which the draft stands beside the reply
CHANGED, SAME = "* ", "  "
ORDER = (
    "name", "agent_type", "goals", "audience", "tone", "constraints", "use_tools", "tools", "inputs", "outputs",
    "examples", "language", "channel",
)  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """`fields` holds name, value and source of each; `changed` are the names of those that the last answer changed."""

    stage: str = ""
    fields: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[str, ...] = ()
    changed: Set[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, answer: Row) -> Self:
        """The draft in what the server answers about a session; parts that it does not tell are empty."""
        told, missing, changed = (answer.get(name) for name in ("collected_fields", "missing", "changed"))
        fields = sorted(told.items(), key=lambda one: _place(one[0])) if isinstance(told, dict) else ()
        return cls(
            cell(answer.get("stage")),
            tuple((cell(name), _value(one), cell(one.get("source"))) for name, one in fields if isinstance(one, dict)),
            tuple(cell(name) for name in missing) if isinstance(missing, list) else (),
            frozenset(changed if isinstance(changed, dict) else ()),
        )

    @property
    def is_empty(self) -> bool:
        return not self.fields and not self.missing

    def show(self, screen: Screen) -> None:
        """A panel at a terminal, else a line a field."""
        if screen.is_live:
            screen.show(self._panel())
            return
        for line in self._lines():
            screen.line(line)

    def show_with(self, screen: Screen, reply: str) -> None:
        """The reply, and the draft beside it where there is room, else below."""
        if self.is_empty or not screen.is_live or screen.width < WIDE:
            screen.line(harmless(reply) if screen.is_live else reply)
            if not self.is_empty:
                self.show(screen)
            return
        both = Table.grid(padding=(0, 2, 0, 0), expand=True)
        both.add_column(ratio=1)
        both.add_column(ratio=1)
        both.add_row(Text(harmless(reply)), self._panel())
        screen.show(both)

    def _mark(self, name: str) -> str:
        return CHANGED if name in self.changed else SAME

    def _lines(self) -> Iterator[str]:
        width = max((len(name) for name, _, _ in self.fields), default=0)
        for name, value, source in self.fields:
            yield f"{self._mark(name)}{name:<{width}}  {value} ({source})"
        if self.missing:
            yield f"{SAME}missing: {', '.join(self.missing)}"

    def _panel(self) -> RenderableType:
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(no_wrap=True)
        rows.add_column()
        for name, value, source in self.fields:
            style = "bold" if name in self.changed else ""
            rows.add_row(Text(self._mark(name) + name, style), Text.assemble(value, " ", (f"({source})", "dim")))
        if self.missing:
            rows.add_row(Text(f"{SAME}missing", "dim"), Text(", ".join(self.missing)))
        return Panel(rows, title=Text(f"draft: {self.stage}"), title_align="left", border_style="dim")


def _place(name: str) -> int:
    """Where a field stands; those of later versions come last."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _value(told: Row) -> str:
    value = told.get("value")
    if isinstance(value, list):
        return "; ".join(cell(item) for item in value) or "none"
    return cell(value)
