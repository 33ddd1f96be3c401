"""`glia import-trace`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from glia_wire.redaction import Gate, RedactionFailed

from glia_sdk.capture.transport import Transport
from glia_sdk.cli import options, surroundings
from glia_sdk.cli.surroundings import FAILED, INTERRUPTED, Surroundings
from glia_sdk.config import connection
from glia_sdk.importing.traces.encoding import encode
from glia_sdk.importing.traces.events import events
from glia_sdk.importing.traces.formats import FORMATS, named
from glia_sdk.importing.traces.model import ImportedRun, Refused
from glia_sdk.importing.traces.reading import AUTO, Account, files, runs
from glia_sdk.importing.traces.sending import Sending, told

NAMES = ", ".join(one.name for one in FORMATS)
EXAMPLES = """\b
Examples:
  glia import-trace trajectories/           every recording in a folder
  glia import-trace run.traj --dry-run      what would be imported, and what has no place in a trace
  glia import-trace log.json --format inspect --json

\b
Importing a recording again adds nothing.
"""


def import_trace(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", exists=True, help="Recordings.")],
    kind: Annotated[str, typer.Option("--format", metavar="NAME", help=f"auto, or one of {NAMES}.")] = AUTO,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would be imported.")] = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Import recorded runs of agents as traces.

    What is secret in them is replaced before anything is sent. What cannot be mapped is listed for each file.
    """
    around = surroundings.of(context)
    if kind != AUTO and named(kind) is None:
        raise typer.BadParameter(f"a format is auto, or one of {NAMES}", param_hint="--format")
    accounts = [Account(path) for path in files(paths)]
    stats = _rehearse(accounts, kind) if dry_run else _import(around, accounts, kind, profile)
    if as_json:
        around.screen.line(json.dumps(_as_json(accounts, stats, is_dry_run=dry_run), ensure_ascii=False))
    else:
        for line in _lines(accounts, stats):
            around.screen.line(line)
    if not any(account.runs for account in accounts):
        around.screen.error("nothing could be imported")
        raise typer.Exit(FAILED)
    if stats and any(stats[name] for name in ("rejected", "refused", "refused_artifacts")):
        around.screen.error("the server did not take all of it")
        raise typer.Exit(FAILED)


def _rehearse(accounts: list[Account], kind: str) -> dict[str, Any]:
    for account in accounts:
        _read(account, kind, None)
    return {}


def _import(around: Surroundings, accounts: list[Account], kind: str, profile: str | None) -> dict[str, Any]:
    with around.reporting():
        login = connection(around.environ, around.profile(profile))
        with closing(Transport(login.url)) as transport:
            sending = Sending(transport, login.token, around.sleep)
            try:
                for account in accounts:
                    _read(account, kind, sending)
                sending.flush()
            except KeyboardInterrupt:
                around.screen.note("interrupted; the same command goes on from here")
                raise typer.Exit(INTERRUPTED) from None
            return told(sending.stats)


def _read(account: Account, kind: str, sending: Sending | None) -> None:
    """Goes through a file; sends what is in it, if there is a way to."""
    gate = Gate()
    for run in runs(account, kind):
        try:
            number = _send(account, run, gate, sending)
        except (RedactionFailed, ValueError) as error:
            account.refused.append(Refused(run.identity, str(error)))
            continue
        account.runs += 1
        account.steps += len(run.steps)
        account.events += number


def _send(account: Account, run: ImportedRun, gate: Gate, sending: Sending | None) -> int:
    number = 0
    for event in events(str(account.format), run):
        number += 1
        item = encode(event, gate)
        if sending is not None:
            sending.add(item)
    return number


def _as_json(accounts: list[Account], stats: dict[str, Any], *, is_dry_run: bool) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": str(one.path), "format": one.format, "runs": one.runs, "steps": one.steps, "events": one.events,
                "unmapped": dict(sorted(one.unmapped.items())),
                "refused": [{"place": refused.place, "reason": refused.reason} for refused in one.refused],
            }
            for one in accounts
        ],
        "dry_run": is_dry_run,
        **stats,
    }  # fmt: skip


def _lines(accounts: list[Account], stats: dict[str, Any]) -> Iterator[str]:
    for one in accounts:
        head = f"{one.path}: {one.format or 'not imported'}"
        yield f"{head}, {one.runs} runs, {one.steps} steps, {one.events} events" if one.runs else head
        for refused in one.refused:
            yield f"  not imported{' ' if refused.place else ''}{refused.place}: {refused.reason}"
        for field, count in sorted(one.unmapped.items()):
            yield f"  unmapped {field}: {count}"
    counts = [sum(getattr(one, name) for one in accounts) for name in ("runs", "steps", "events")]
    yield "all: {} runs, {} steps, {} events".format(*counts)
    for status, count in sorted(stats.get("receipts", {}).items()):
        yield f"  {status}: {count}"
    for name in ("rejected", "refused", "refused_artifacts"):
        for reason, count in sorted(stats.get(name, {}).items()):
            yield f"  {name.replace('_', ' ')}, {reason}: {count}"
