"""`glia runs`, `show`, `tail` and `bundle`: what was captured."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from glia_sdk.cli import commands, listing, options, surroundings
from glia_sdk.cli.listing import Column, Paging, Row, path
from glia_sdk.cli.screen import Screen, harmless
from glia_sdk.client import LARGEST_PAGE, Client

EXAMPLES = """\b
Examples:
  glia runs --status failed --since 2026-11-01T00:00:00Z
  glia runs --model gpt-4o-mini --all --json
"""
SHOW_EXAMPLES = """\b
Examples:
  glia show RUN
  glia show RUN --json        its timeline, in columns
"""
TAIL_EXAMPLES = """\b
Examples:
  glia tail                   runs as they come; Ctrl-C ends it
  glia tail RUN               the events of one, until it is completed
"""
BUNDLE_EXAMPLES = """\b
Examples:
  glia bundle RUN -o run.json
"""
LOOK = 1.0  # seconds between two looks
RUNNING = "running"
MOST_STEPS = 2000  # of a tree
COLUMNS = (
    Column("run", "run_id"),
    Column("started", listing.moment("started_at")),
    Column("status", "status"),
    Column("steps", "step_count"),
    Column("tokens", lambda row: (row.get("input_tokens") or 0) + (row.get("output_tokens") or 0)),
    Column("health", lambda row: ", ".join(row.get("health") or []) or "ok"),
    Column("name", "name", is_text=True),
)
STYLES = {"completed": "green", "failed": "red", "incomplete": "yellow"}
Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]


def runs(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="running, completed, failed or partial.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only with a step of this kind.")] = None,
    model: Annotated[str | None, typer.Option(help="Only with a step by this model.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    origin: Annotated[str | None, typer.Option(help="glia for Glia's own runs, programs for all others.")] = None,
    health: Annotated[str | None, typer.Option(help="ok, flagged, or one flag.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Started at or after.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Started before.")] = None,
    min_cost: Annotated[float | None, typer.Option(help="Only those that cost as much.")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    show_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """List what was captured, the last first."""
    paging = Paging(limit, cursor, show_all, as_json)
    query = {
        "status": status, "kind": kind, "model": model, "tag": tag, "origin": origin, "health": health, "since": since,
        "until": until, "min_cost": min_cost,
    }  # fmt: skip
    commands.show_list(context, "/runs", listing.as_table(COLUMNS), paging, profile, **query)


def show(
    context: typer.Context, run_id: Run, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Show the steps of a run as a tree."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        query = {} if as_json else {"level": 0, "to": MOST_STEPS - 1}
        timeline = client.read(path("runs", run_id, "timeline"), **query)
    if as_json:
        listing.show_json(around.screen, timeline)
        return
    _show_tree(around.screen, timeline)
    count = timeline["run"].get("step_count") or 0
    if count > MOST_STEPS:
        around.screen.note(f"the first {MOST_STEPS} of {count} steps; all: --json")


def tail(
    context: typer.Context,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run's events.")] = None,
    as_json: options.Json = False,
    profile: options.Profile = None,
) -> None:
    """Follow runs as they come, or the events of one until it is completed."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        found = _new_events(around, client, run_id) if run_id else _new_runs(around, client)
        columns = EVENT_COLUMNS if run_id else COLUMNS
        for row in found:
            if as_json:
                listing.show_json(around.screen, row)
            else:
                around.screen.line("\t".join(column.of(row) for column in columns))


def bundle(
    context: typer.Context,
    run_id: Run,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")],
    profile: options.Profile = None,
) -> None:
    """Write a run into a file: events, and each of their contents once."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        number = _write_bundle(client, run_id, output)
    around.screen.note(f"{number} events in {output}")


EVENT_COLUMNS = (
    Column("sequence", "sequence_no"),
    Column("time", lambda row: str(row.get("ts") or "")[11:23]),
    Column("type", "event_type"),
    Column("kind", "kind"),
    Column("name", "name", is_text=True),
)


def _show_tree(screen: Screen, timeline: Row) -> None:
    run = timeline["run"]
    head = f"{listing.cell(run.get('name'))}  {run.get('status')}  {run.get('step_count')} steps"
    steps = list(_steps(timeline))
    if not screen.is_live:
        screen.line(head)
        for step in steps:
            cells = (step["sequence_no"], step["depth"], step["status"], step["kind"], step["name"], _length(step))
            screen.line("\t".join(listing.cell(one) for one in cells))
        return
    root = Tree(Text(head, style="bold"))
    branches: dict[int, Tree] = {}
    for place, step in enumerate(steps, timeline.get("first") or 0):
        branches[place] = branches.get(step["parent"], root).add(_branch(step))
    screen.show(root)


def _branch(step: Row) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{step['kind'] or 'step'} ", style="dim")
    text.append(harmless(str(step["name"])))
    text.append(f"  {_length(step)}", style="dim")
    if step.get("model"):
        text.append(f"  {harmless(str(step['model']))} {_tokens(step)}", style="dim")
    if step["status"] != "completed":
        text.append(f"  {step['status']}", style=STYLES.get(str(step["status"]), ""))
    return text


def _tokens(step: Row) -> str:
    counts = [step.get(name) for name in ("input_tokens", "output_tokens")]
    return "" if counts == [None, None] else f"{counts[0] or 0}+{counts[1] or 0} tokens"


def _length(step: Row) -> str:
    duration = step["duration"]
    return "" if duration is None else f"{duration / 1000:.1f} ms"


def _steps(timeline: Row) -> Iterator[Row]:
    """The rows that a timeline's columns stand for, each with its depth."""
    columns: Row = timeline["columns"]
    depths: dict[int, int] = {}
    words = {"name": timeline["names"], "kind": timeline["kinds"], "status": timeline["statuses"]}
    words["model"] = timeline["models"]
    for place, values in enumerate(zip(*columns.values(), strict=True), timeline.get("first") or 0):
        step: dict[str, Any] = dict(zip(columns, values, strict=True))
        step |= {name: None if step.get(name) is None else said[step[name]] for name, said in words.items()}
        depths[place] = depths.get(step["parent"], -1) + 1
        yield step | {"depth": depths[place]}


def _new_runs(around: surroundings.Surroundings, client: Client) -> Iterator[Row]:
    """Runs that are there, the oldest first, then new ones and those whose state changes."""
    seen: dict[str, tuple[Any, ...]] = {}
    while True:
        for run in reversed(client.page("/runs", limit=LARGEST_PAGE if seen else 10).items):
            state = (run.get("status"), run.get("step_count"), tuple(run.get("health") or ()))
            if seen.get(run["run_id"]) != state:
                seen[run["run_id"]] = state
                yield run
        around.sleep(LOOK)


def _new_events(around: surroundings.Surroundings, client: Client, run_id: str) -> Iterator[Row]:
    """Events of a run in their order, until it has ended and there are no more."""
    cursor, last = None, -1
    while True:
        is_running = client.read(path("runs", run_id)).get("status") == RUNNING
        while True:
            page = client.page(path("runs", run_id, "events"), cursor=cursor, limit=LARGEST_PAGE)
            for event in page.items:
                if event["sequence_no"] > last:
                    last = event["sequence_no"]
                    yield event
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        if not is_running:
            return
        around.sleep(LOOK)


def _write_bundle(client: Client, run_id: str, output: Path) -> int:
    """Writes a bundle part by part; contents wait in a file until all events, whose number is returned, are through."""
    number, cursor = 0, None
    kept: set[str] = set()
    with output.open("w", encoding="utf-8") as file, tempfile.TemporaryFile("w+", encoding="utf-8") as contents:
        while True:
            part = client.read(path("runs", run_id, "export"), cursor=cursor, limit=LARGEST_PAGE)
            if cursor is None:
                head = {name: part[name] for name in ("format", "version", "run")}
                file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "events": [')
            for event in part["events"]:
                file.write(("," if number else "") + "\n" + json.dumps(event, ensure_ascii=False))
                number += 1
            for name in part["contents"].keys() - kept:
                told = f"{json.dumps(name)}: {json.dumps(part['contents'][name], ensure_ascii=False)}"
                contents.write(("," if kept else "") + "\n" + told)
                kept.add(name)
            cursor = part["next_cursor"]
            if cursor is None:
                break
        file.write('\n], "contents": {')
        contents.seek(0)
        while text := contents.read(1 << 20):
            file.write(text)
        file.write("\n}}\n")
    return number
