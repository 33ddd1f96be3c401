"""`glia import`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from glia_sdk.cli import options, progress, surroundings
from glia_sdk.cli.surroundings import FAILED, INTERRUPTED, Surroundings
from glia_sdk.client import Client
from glia_sdk.config import imports_path
from glia_sdk.errors import GliaError
from glia_sdk.importing import exports, importer
from glia_sdk.importing.batches import MOST, USUAL
from glia_sdk.importing.exports import Export, Format
from glia_sdk.importing.records import LONGEST_NAME, is_storable
from glia_sdk.importing.report import Report
from glia_sdk.importing.sender import Sender
from glia_sdk.importing.state import StateFile

EXAMPLES = """\b
Examples:
  glia import chatgpt-export.zip            ChatGPT's data export, or its conversations.json
  glia import notes.jsonl --source notes    one {"role", "content", "topic"?, "created_at"?, "id"?} a line
  glia import notes.jsonl --dry-run         what would be imported
  glia import notes.jsonl --json            the report as JSON

\b
The same command again goes on where it stopped, and imports nothing twice.
"""


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What to import.")],
    kind: Annotated[Format, typer.Option("--format", help="What it is; auto looks at it.")] = Format.AUTO,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Where it is from; a message of one source is never imported twice."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=MOST, help="Messages a request.")] = USUAL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would be imported.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send what is done already, too.")] = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Import history that was written elsewhere.

    Order and times are kept. What cannot be imported is skipped, and the report on stdout says what and why.
    """
    around = surroundings.of(context)
    name = _checked(source)
    with around.reporting():
        export = exports.read(file, kind)
        job = Job(around, export, name or export.source, as_json)
        report = job.rehearse() if dry_run else job.run(profile, batch, is_again=again)
    if report.is_in_vain:
        around.screen.error("nothing could be imported")
        raise typer.Exit(FAILED)


def _checked(source: str | None) -> str | None:
    if source is not None and not (source.strip() and len(source) <= LONGEST_NAME and is_storable(source)):
        raise typer.BadParameter(f"a source is named in 1 to {LONGEST_NAME} characters")
    return source


@dataclass(frozen=True)
class Job:
    """An import as the command line has it."""

    around: Surroundings
    export: Export
    source: str
    as_json: bool

    def rehearse(self) -> Report:
        report = Report()
        topics = importer.rehearse(self.export, report)
        self._tell(report, topics, is_dry_run=True)
        return report

    def run(self, profile: str | None, batch: int, *, is_again: bool) -> Report:
        with self.around.connect(profile) as client:
            state = self._state(client)
            kept = state.load()
            if is_again or not kept.done:
                report, start = Report(), 0
            else:
                report, start = Report(earlier=kept.counts), kept.done
            if start and kept.is_finished:
                self._note("imported already; --again sends it again")
            else:
                self._import(client, state, batch, report, start)
        self._tell(report, len(report.topic_ids), is_dry_run=False)
        return report

    def _state(self, client: Client) -> StateFile:
        """The progress of this import; asking for the conversation also finds out early whether one is logged in."""
        whose = client.conversation().conversation_id
        identity = (client.url, whose, self.source, self.export.format, self.export.fingerprint)
        return StateFile(imports_path(self.around.environ), *identity)

    def _import(self, client: Client, state: StateFile, batch: int, report: Report, start: int) -> None:
        screen = self.around.screen
        with (
            _resumable(self.around),
            progress.watching(screen, self.export.total, is_quiet=self.as_json) as watcher,
        ):
            if start and not self.as_json:
                screen.note(f"going on after {start} of {self.export.total}")
            sender = Sender(client, self.source, self.around.new_id, screen.note)
            importer.run(self.export, sender, state, watcher, screen.note, batch=batch, report=report, start=start)

    def _note(self, text: str) -> None:
        if not self.as_json:
            self.around.screen.note(text)

    def _tell(self, report: Report, topics: int, *, is_dry_run: bool) -> None:
        if self.as_json:
            told = _as_json(self.export, self.source, report) | {"topics": topics, "dry_run": is_dry_run}
            self.around.screen.line(json.dumps(told, ensure_ascii=False))
        else:
            for line in _lines(report, topics, is_dry_run=is_dry_run):
                self.around.screen.line(line)


@contextmanager
def _resumable(around: Surroundings) -> Iterator[None]:
    """Says of an import that is broken off that it can go on."""
    hint = "the same command goes on from here"
    try:
        yield
    except KeyboardInterrupt:
        around.screen.note(f"interrupted; {hint}")
        raise typer.Exit(INTERRUPTED) from None
    except GliaError:
        around.screen.note(hint)
        raise


def _as_json(export: Export, source: str, report: Report) -> dict[str, Any]:
    return {
        "format": export.format,
        "source": source,
        "imported": report.imported,
        "duplicates": report.duplicates,
        "skipped": {reason: asdict(found) for reason, found in report.skipped.items()},
        "topic_ids": sorted(report.topic_ids),
        "earlier": asdict(report.earlier),
    }


def _lines(report: Report, topics: int, *, is_dry_run: bool) -> Iterator[str]:
    yield f"{'importable' if is_dry_run else 'imported':<12}{report.imported:>9}"
    if not is_dry_run:
        yield f"{'duplicates':<12}{report.duplicates:>9}"
    yield f"{'skipped':<12}{sum(found.count for found in report.skipped.values()):>9}"
    for reason, found in sorted(report.skipped.items()):
        more = ", …" if found.count > len(found.places) else ""
        yield f"  {reason:<18} {found.count:>9}   {', '.join(found.places)}{more}"
    yield f"{'topics':<12}{topics:>9}"
    if any(asdict(report.earlier).values()):
        earlier = report.earlier
        yield f"earlier: imported {earlier.imported}, duplicates {earlier.duplicates}, skipped {earlier.skipped}"
