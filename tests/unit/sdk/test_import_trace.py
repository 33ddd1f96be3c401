"""`glia import-trace`: what arrives at a server, what is said of it, and what is not sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from glia_wire.events import BATCH_BYTES, BATCH_EVENTS

from tests.support.recordings import RECORDINGS, dialogue
from tests.support.trace_sink import TOKEN, Mood, TraceSink
from tests.unit.sdk.conftest import Ran, RunGlia

SECRET = "ghp_" + "a1B2c3" * 6


@pytest.fixture
def sink() -> Iterator[TraceSink]:
    with TraceSink() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of each format, a file that is none, and a hidden one."""
    made = tmp_path / "recordings"
    (made / "more").mkdir(parents=True)
    for name, recording in RECORDINGS.items():
        (made / "more" / f"{name}.json").write_text(json.dumps(recording(SECRET)))
    (made / "notes.txt").write_text("no recording")
    (made / ".hidden.json").write_text("{")
    return made


Import = Callable[..., Ran]


@pytest.fixture
def import_trace(run_glia: RunGlia, sink: TraceSink) -> Import:
    def run(*arguments: object) -> Ran:
        return run_glia("import-trace", *map(str, arguments), GLIA_URL=sink.url, GLIA_TOKEN=TOKEN)

    return run


def report(ran: Ran) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_a_folder_arrives_whole_redacted_and_in_few_requests(
    import_trace: Import, folder: Path, sink: TraceSink
) -> None:
    """All events of all formats, none with the secret, in one batch; the report tells of each file."""
    ran = import_trace(folder, "--json")
    assert ran.code == 0, ran.err
    told = report(ran)
    assert len(sink.events) == sum(one["events"] for one in told["files"]) == told["receipts"]["accepted"]
    assert len(sink.batches) == 1
    assert all(SECRET.encode() not in body for body in sink.bodies)
    assert any(one["redaction"]["counts"].get("secret") for one in sink.events)
    assert {one["format"] for one in told["files"]} == {*RECORDINGS, None}
    (stranger,) = (one for one in told["files"] if one["format"] is None)
    assert stranger["refused"] == [{"place": "", "reason": "not JSON"}]
    assert not any(one["file"].endswith(".hidden.json") for one in told["files"])


def test_the_same_again_changes_nothing(import_trace: Import, folder: Path, sink: TraceSink) -> None:
    """The second time, every event is the one that is there."""
    first = report(import_trace(folder, "--json"))
    kept = [json.dumps(one, sort_keys=True) for one in sink.events]
    (folder / "more").rename(folder / "elsewhere")
    again = report(import_trace(folder, "--json"))
    assert again["receipts"] == {"duplicate": first["receipts"]["accepted"]}
    assert [json.dumps(one, sort_keys=True) for one in sink.events] == kept


def test_a_dry_run_sends_nothing_and_needs_no_login(run_glia: RunGlia, folder: Path, sink: TraceSink) -> None:
    """It says the same of the files as an import does."""
    ran = run_glia("import-trace", str(folder), "--dry-run", GLIA_URL="", GLIA_TOKEN="")
    assert ran.code == 0
    assert "atif.json: atif, 1 runs" in ran.out
    assert "unmapped steps[].metrics.logprobs: 1" in ran.out
    assert "not imported: not JSON" in ran.out
    assert SECRET not in ran.out
    assert sink.requests == []


def test_batches_are_within_their_bounds(import_trace: Import, tmp_path: Path, sink: TraceSink) -> None:
    """At most 1000 events and 4 MiB a request, of however many runs."""
    trial = {"task_id": 1, "traj": dialogue("x" * 3000)}
    (tmp_path / "many.json").write_text(json.dumps([{**trial, "trial": number} for number in range(180)]))
    assert import_trace(tmp_path / "many.json").code == 0
    assert len(sink.events) == 180 * 12
    assert max(len(batch) for batch in sink.batches) <= BATCH_EVENTS
    assert max(len(body) for body in sink.bodies) <= BATCH_BYTES
    assert len(sink.batches) < 10


def test_large_contents_arrive_whole(import_trace: Import, tmp_path: Path, sink: TraceSink) -> None:
    """What has no room in an event is an artifact that its event names."""
    said = dialogue()
    said[1]["content"] = "word " * 250_000
    (tmp_path / "large.json").write_text(json.dumps(said))
    assert import_trace(tmp_path / "large.json").code == 0
    asked = [one for one in sink.events if one["event_type"] == "step.started" and one["kind"] == "model"]
    assert [sink.content(one, "gen_ai.input.messages") for one in asked] == [said[:2], said[:5]]


def test_a_server_that_is_away_is_waited_for(
    import_trace: Import, folder: Path, sink: TraceSink, waits: list[float]
) -> None:
    """It is asked again, after as long as it says; what arrived twice is there once."""
    sink.mood = Mood(status=503, retry_after="7", times=2)
    told = report(import_trace(folder, "--json"))
    assert waits == [7.0, 7.0]
    assert len(sink.events) == told["receipts"]["accepted"]


@pytest.mark.parametrize(("status", "code", "said"), [(503, 4, "does not answer"), (401, 1, "log in again")])
def test_a_server_that_takes_nothing_ends_it(
    import_trace: Import, folder: Path, sink: TraceSink, status: int, code: int, said: str
) -> None:
    """With one line that says why, and an exit code that says it too."""
    sink.mood = Mood(status=status)
    ran = import_trace(folder)
    assert ran.code == code
    assert said in ran.err


def test_refusals_of_the_server_are_told(import_trace: Import, tmp_path: Path, sink: TraceSink) -> None:
    """Events that the server will never take are counted, and the command fails."""
    (tmp_path / "one.json").write_text(json.dumps(dialogue()))
    sink.mood = Mood(status=400)
    ran = import_trace(tmp_path / "one.json")
    assert ran.code == 1
    assert "refused, refused: 12" in ran.out


def test_a_format_can_be_named(import_trace: Import, tmp_path: Path) -> None:
    """A file is then read as that, or refused as not being it; a name that is none is a usage error."""
    (tmp_path / "log.json").write_text(json.dumps(RECORDINGS["inspect"]("")))
    named = ("--dry-run", "--json", "--format")
    assert report(import_trace(tmp_path, *named, "inspect"))["files"][0]["runs"] == 2
    ran = import_trace(tmp_path, *named, "langfuse")
    assert (ran.code, report(ran)["files"][0]["runs"]) == (1, 0)
    assert report(ran)["files"][0]["refused"]
    assert import_trace(tmp_path, *named, "nonsense").code == 2
