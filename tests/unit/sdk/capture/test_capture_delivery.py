"""Backends that are down, slow or in a mood; processes that fork, end, freeze or are killed. Nothing is lost unseen."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glia_sdk as glia
import pytest
from glia_sdk.capture.spill import Spill

from tests.support.trace_sink import Mood, TraceSink

STEPS = """
import glia_sdk as glia
glia.init(flush_interval={interval})
with glia.run("program"):
    for n in range({steps}):
        with glia.tool("t", input=[n]) as step:
            step.output("x" * {size})
"""


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def spilled(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.spill"))


def names(sink: TraceSink) -> list[str]:
    return [event["name"] for event in sink.events if event["event_type"] == "run.started"]


def test_what_could_not_be_sent_waits_on_disk_for_the_next_process(
    nowhere: str, program: Any, spill: Path, sink: TraceSink, init: Any
) -> None:
    """The backend is down: the program ends at once and well, and a later one of the same user sends everything."""
    text = STEPS.format(interval=1, steps=20, size=100_000)
    with TraceSink() as gone:
        port = gone.port
    running = program(text, url=f"http://127.0.0.1:{port}")
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "", "")
    kept = spilled(spill)
    assert kept
    assert {oct(path.stat().st_mode & 0o777) for path in kept} == {"0o600"}
    with TraceSink(port) as back:
        follower = program("import glia_sdk as glia; glia.init(); glia.tool(print)(); glia.flush(20)", url=back.url)
        follower.communicate(timeout=60)
        numbers = [event["sequence_no"] for event in back.events if event["name"] in ("program", "t")]
        texts = [back.content(e, "gen_ai.tool.call.result") for e in back.events if e["event_type"] == "step.completed"]
    assert numbers == list(range(42))
    assert sorted(len(text) for text in texts if text)[-20:] == [100_000] * 20
    assert spilled(spill) == []


def test_the_same_process_resends_when_the_backend_is_back(init: Any, sink: TraceSink, spill: Path) -> None:
    """Events that went to disk meanwhile arrive, once, and leave the disk."""
    sink.mood = Mood(status=503, retry_after="0")
    init(flush_interval=0.0)
    with glia.run("patient"):
        pass
    assert not glia.flush(1.0)
    assert glia.stats().spilled == 2
    sink.mood = Mood()
    assert glia.flush(20)
    assert names(sink) == ["patient"]
    assert spilled(spill) == []
    assert glia.stats().lost == {}


@pytest.mark.parametrize(
    "mood", [Mood(429, retry_after="0", times=2), Mood(500, times=1), Mood(is_half_closing=True, times=1)]
)
def test_a_batch_is_sent_again_until_there_is_a_receipt(mood: Mood, init: Any, sink: TraceSink) -> None:
    """Told to wait, failed, or cut off after the events were taken in: no event is missing, none is there twice."""
    sink.mood = mood
    init()
    with glia.run("again"), glia.tool("t"):
        pass
    assert glia.flush(20)
    assert [event["sequence_no"] for event in sink.events] == [0, 1, 2, 3]
    assert glia.stats().unreachable >= 1
    assert set(glia.stats().receipts) <= {"accepted", "duplicate"}


def test_a_refused_event_does_not_take_its_batch_with_it(init: Any, sink: TraceSink) -> None:
    """A request the server will never take is split until the one event is found, and that is counted."""
    sink.mood = Mood(status=400, times=1)
    init()
    with glia.run("split"), glia.tool("t"):
        pass
    assert glia.flush(20)
    assert [event["sequence_no"] for event in sink.events] == [0, 1, 2, 3]
    sink.mood = Mood(status=400, times=3)  # the whole, its first half, and the first event of that
    with glia.run("lost"), glia.tool("t"):
        pass
    assert glia.flush(20)
    assert glia.stats().lost == {"refused": 1}
    assert glia.flush(20)
    note = next(event for event in sink.events if event["event_type"] == "note")
    assert (note["name"], note["sequence_no"]) == ("capture.lost", 0)


def test_payloads_over_the_inline_limit_go_as_artifacts(init: Any, sink: TraceSink) -> None:
    """Small ones inside their request, large ones by presigned upload; the event refers to them by their place."""
    init()
    with glia.run("large"):
        for size in (100, 100_000, 600_000):
            with glia.agent("a", input="y" * size) as step:
                step.output("z")
    assert glia.flush(30)
    started = [event for event in sink.events if event["event_type"] == "step.started"]
    assert [len(sink.content(event, "input.value")) for event in started] == [100, 100_000, 600_000]
    assert [len(event["artifact_refs"]) for event in started] == [0, 1, 1]
    assert started[1]["artifact_refs"][0]["role"] == "input.value"
    assert sum(path.startswith("/uploads/") for path in sink.requests) == 1
    assert max(len(json.dumps(batch)) for batch in sink.batches) < 64 * 1024


def test_memory_is_bounded_and_what_does_not_fit_on_disk_is_counted(nowhere: str, init: Any, spill: Path) -> None:
    """Down, and more than memory and disk may hold: bytes held stay within both bounds; the rest is counted as lost."""
    init(url=nowhere, memory_bytes=4_000_000, spill_bytes=6_000_000, flush_interval=0.0)
    with glia.run("flood"):
        for _ in range(150):
            with glia.agent("a", input="w" * 100_000):
                assert glia.stats().memory_bytes <= 4_000_000
    glia.flush(5)
    assert sum(path.stat().st_size for path in spilled(spill)) <= 6_000_000
    stats = glia.stats()
    assert stats.memory_bytes <= 4_000_000
    assert stats.lost["spill_full"] + stats.spilled + stats.lost_payloads.get("memory_full", 0) >= 75
    assert stats.recorded == 302


def test_a_thread_that_finds_no_room_leaves_its_payload_out(nowhere: str, init: Any, sink: TraceSink) -> None:
    """The event keeps its place in the run, and says how much is missing."""
    from glia_sdk.capture.intake import LEFT_OUT, Intake
    from glia_sdk.capture.records import Record

    lost: list[str] = []
    intake = Intake(1000, 0.0, lost.append)
    for number in range(3):
        intake.put(Record("r", "s", None, number, "step.started", "tool", "t", 0, {"a": "b"}, None, 900))
    first, second = intake.get(), intake.get()
    assert first is not None
    assert second is not None
    assert (first.attributes, second.attributes) == ({"a": "b"}, {LEFT_OUT: 900})
    assert lost == ["memory_full", "memory_full"]


def test_fork_opens_a_child_run(program: Any, sink: TraceSink) -> None:
    """Parent and child number runs of their own, and the child's tells whose it is; both are whole."""
    running = program(
        """
        import os, sys
        import glia_sdk as glia
        glia.init()
        with glia.run("parent"), glia.agent("a"):
            glia.tool(lambda: 1)()
            pid = os.fork()
            for n in range(5):
                with glia.tool("child" if pid == 0 else "own"):
                    pass
            if pid:
                assert os.waitpid(pid, 0)[1] == 0
        """
    )
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    parent, child = sorted({event["run_id"] for event in sink.events})
    by_run = {run: [event for event in sink.events if event["run_id"] == run] for run in (parent, child)}
    started = by_run[child][0]["attributes"]
    assert (started["parent_run_id"], started["parent_step_id"]) == (parent, by_run[parent][1]["step_id"])
    for run, name in ((parent, "own"), (child, "child")):
        events = by_run[run]
        assert [event["sequence_no"] for event in events] == list(range(len(events)))
        assert sum(event["name"] == name for event in events) == 10
        assert events[-1]["event_type"] == "run.completed"


def test_workers_of_multiprocessing_are_child_runs(program: Any, sink: TraceSink, tmp_path: Path) -> None:
    """They end without the interpreter's usual hooks, and their events arrive all the same."""
    running = program(
        """
        import multiprocessing
        import glia_sdk as glia
        def work(n):
            with glia.tool("work"):
                return n
        glia.init()
        with glia.run("pool"), glia.agent("a"):
            context = multiprocessing.get_context("fork")
            workers = [context.Process(target=work, args=(n,)) for n in range(2)]
            for one in workers: one.start()
            for one in workers: one.join()
        """
    )
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    sink.wait(lambda sink: sum(e["name"] == "work" and e["event_type"] == "step.completed" for e in sink.events) == 2)
    parents = {e["attributes"].get("parent_run_id") for e in sink.events if e["event_type"] == "run.started"}
    assert len(parents) == 2, "the pool's own has none, both workers' have the pool's"


def test_a_subprocess_is_a_child_run(program: Any, sink: TraceSink) -> None:
    """Started with `glia.environment()`, it tells whose it is."""
    running = program(
        """
        import subprocess, sys
        import glia_sdk as glia
        glia.init()
        inner = 'import glia_sdk as glia; glia.init()\\nwith glia.run("inner"): pass'
        with glia.run("outer"), glia.agent("a"):
            subprocess.run([sys.executable, "-c", inner], env=glia.environment(), check=True)
        """
    )
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    outer, step = next((e["run_id"], e["step_id"]) for e in sink.events if e["event_type"] == "step.started")
    inner = next(event for event in sink.events if event["name"] == "inner")
    assert (inner["attributes"]["parent_run_id"], inner["attributes"]["parent_step_id"]) == (outer, step)


def test_a_lambda_function_has_sent_all_before_it_is_frozen(init: Any, sink: TraceSink) -> None:
    """When the handler has returned, its run is at the server."""
    init(flush_interval=60)

    class Context:
        function_name = "my-function"

        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    @glia.lambda_handler
    def handler(event: Any, context: Any) -> str:
        with glia.tool("work"):
            return "done"

    assert handler({}, Context()) == "done"
    assert [event["event_type"] for event in sink.events] == [
        "run.started", "step.started", "step.completed", "run.completed",
    ]  # fmt: skip
    assert names(sink) == ["my-function"]


def test_a_killed_process_loses_no_more_than_its_interval(program: Any, nowhere: str, spill: Path, init: Any) -> None:
    """kill -9 with the backend down: what was there longer than the flush interval is on disk, and is sent later."""
    running = program(
        """
        import sys
        import glia_sdk as glia
        glia.init(flush_interval=0.1)
        with glia.run("killed"):
            for n in range(50):
                with glia.tool("t", input=[n]): pass
            while glia.stats().spilled < 101: pass
            print("on disk", flush=True)
            sys.stdin.read()
        """,
        url=nowhere,
    )
    assert running.stdout.readline() == "on disk\n"
    running.kill()
    running.wait()
    [account] = spill.iterdir()
    adopted = Spill(account, 10**9)
    numbers = [item.sequence_no for path in adopted.waiting() for item in adopted.read(path)]
    adopted.close()
    assert numbers == list(range(101))


def test_a_frame_that_was_cut_off_ends_its_segment(tmp_path: Path) -> None:
    """A crash in the middle of a write loses that event alone, and never makes another of it."""
    from glia_sdk.capture.records import Item

    writing = Spill(tmp_path, 10**6)
    for number in range(3):
        writing.append(Item("run", number, b'{"n":%d}' % number))
    [path] = writing.waiting()
    os.truncate(path, path.stat().st_size - 2)
    assert [item.body for item in writing.read(path)] == [b'{"n":0}', b'{"n":1}']
    writing.close()


def test_the_program_ends_soon_with_the_backend_down_or_slow(program: Any, nowhere: str, sink: TraceSink) -> None:
    """Half a megabyte waiting, and nobody to take it: within the bound of two seconds after its last line."""
    sink.mood = Mood(delay=30.0)
    text = STEPS.format(interval=1, steps=50, size=10_000) + "\nprint('end', flush=True)"
    for url in (nowhere, sink.url):
        running: subprocess.Popen[str] = program(text, url=url)
        assert running.stdout is not None
        assert running.stdout.readline() == "end\n"
        before = time.monotonic()
        running.wait(30)
        assert time.monotonic() - before < 10, "far from waiting for an answer; the figure itself is measured in bench/"
        assert running.returncode == 0


def test_fail_closed_stops_what_cannot_be_recorded(init: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set so, a program begins no run it cannot record; by default it does not notice."""
    monkeypatch.setenv("GLIA_FAIL_MODE", "closed")
    with pytest.raises(glia.CaptureFailed):
        init(url="http://127.0.0.1:1", token="")
    with pytest.raises(glia.CaptureFailed), glia.run("unrecorded"):
        pass
    monkeypatch.setenv("GLIA_FAIL_MODE", "open")
    init(url="http://127.0.0.1:1", token="")
    with glia.run("unrecorded") as run:
        assert run.run_id is None


def test_a_hook_that_fails_keeps_the_payload_here(init: Any, sink: TraceSink) -> None:
    """What a hook of the program's cannot redact does not leave the process; the event does."""

    def hook(text: str) -> str:
        raise RuntimeError(text)

    init(hooks=[hook])
    with glia.run("hooked"), glia.tool("t", input="private words"):
        pass
    assert glia.flush()
    assert len(sink.events) == 4
    assert not any(b"private words" in body for body in sink.bodies)
    assert glia.stats().lost_payloads["redaction_failed"] >= 1
