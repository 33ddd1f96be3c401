"""Runs and steps: what is recorded of a program, and what it notices of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import glia_sdk as glia
import pytest
from glia_sdk.capture.kinds import Kind

from tests.support.trace_sink import TraceSink

KINDS = (glia.model, glia.retriever, glia.tool, glia.planner, glia.validator, glia.safety, glia.agent)


def by_type(sink: TraceSink, event_type: str) -> list[dict[str, Any]]:
    return [event for event in sink.events if event["event_type"] == event_type]


def test_a_run_has_a_beginning_steps_and_an_end(init: Any, sink: TraceSink) -> None:
    """Events come numbered from 0, and the end tells the last number."""
    init()
    with glia.run("report", tags=["nightly"]), glia.tool("search", input={"q": "x"}) as step:
        step.output(["found"])
    assert glia.flush()
    events = sink.events
    assert [event["event_type"] for event in events] == [
        "run.started", "step.started", "step.completed", "run.completed",
    ]  # fmt: skip
    assert [event["sequence_no"] for event in events] == [0, 1, 2, 3]
    assert events[0]["attributes"]["tags"] == ["nightly"]
    assert events[1]["attributes"]["gen_ai.tool.call.arguments"] == {"q": "x"}
    assert events[2]["attributes"]["gen_ai.tool.call.result"] == ["found"]
    assert events[3]["attributes"] == {"last_sequence_no": 3, "status": "completed"}
    assert glia.stats().receipts == {"accepted": 4}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))
def test_every_kind_decorates_every_form_of_function(kind: Kind, init: Any, sink: TraceSink) -> None:
    """Plain functions, coroutines and both sorts of generators are steps, and do what they did."""
    init()

    @kind
    def plain(x: int) -> int:
        return x + 1

    @kind(name="other")
    async def awaited(x: int) -> int:
        return x + 2

    @kind
    def generator(x: int) -> Iterator[str]:
        yield "a"
        yield "b" * x

    @kind
    async def async_generator(x: int) -> AsyncIterator[int]:
        for n in range(x):
            yield n

    async def main() -> list[Any]:
        return [await awaited(1), [n async for n in async_generator(2)]]

    with glia.run("forms"):
        assert [plain(1), list(generator(3)), asyncio.run(main())] == [2, ["a", "bbb"], [3, [0, 1]]]
    assert glia.flush()
    done = by_type(sink, "step.completed")
    assert {event["kind"] for event in done} == {kind.kind}
    name = "gen_ai.tool.call.result" if kind.kind == "tool" else "output.value"
    assert [event["attributes"][name] for event in done] == [2, "abbb", 3, [0, 1]]


def test_generators_keep_their_protocol(init: Any, sink: TraceSink) -> None:
    """Values and errors sent in arrive, the return value comes out, and reading no further is recorded."""
    init()

    @glia.tool
    def echo() -> Any:
        got = []
        try:
            got.append((yield "first"))
            yield "second"
        except KeyError:
            got.append("caught")
            yield "third"
        return got

    with glia.run("protocol"):
        running = echo()
        assert (next(running), running.send("hello"), running.throw(KeyError("k"))) == ("first", "second", "third")
        with pytest.raises(StopIteration) as end:
            next(running)
        assert end.value.value == ["hello", "caught"]
        left = echo()
        next(left)
        left.close()
    assert glia.flush()
    assert [event["attributes"].get("glia.stream.status") for event in by_type(sink, "step.completed")] == [
        None, "abandoned",
    ]  # fmt: skip


def test_exceptions_are_recorded_and_go_on_as_they_are(init: Any, sink: TraceSink) -> None:
    """The very same exception leaves; step and run are failed."""
    init()
    error = ValueError("nothing there")

    @glia.retriever
    def fetch() -> None:
        raise error

    with pytest.raises(ValueError, match="nothing there") as raised, glia.run("failing"):
        fetch()
    assert raised.value is error
    assert glia.flush()
    failed = by_type(sink, "step.failed")[0]
    assert failed["attributes"]["error.type"] == "ValueError"
    assert by_type(sink, "run.completed")[0]["attributes"]["status"] == "failed"


def test_steps_nest_across_threads_and_tasks(init: Any, sink: TraceSink) -> None:
    """A task is a child of where it was made; a thread is where `wrap` took it from."""
    init()

    @glia.tool
    def leaf(n: int) -> int:
        return n

    @glia.tool
    async def task(n: int) -> int:
        return leaf(n)

    async def gather() -> None:
        await asyncio.gather(*(task(n) for n in range(4)))

    with glia.run("nested"), glia.agent("root") as root:
        asyncio.run(gather())
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(glia.wrap(leaf), range(4)))
        unwrapped = threading.Thread(target=leaf, args=(9,))
        unwrapped.start()
        unwrapped.join()
    assert glia.flush()
    started = by_type(sink, "step.started")
    tasks = {event["step_id"] for event in started if event["name"] == "task"}
    parents = [event["parent_step_id"] for event in started if event["name"] == "leaf"]
    assert {parent for parent in parents if parent in tasks} == tasks
    assert sum(parent == root.step_id for parent in parents) == 4
    assert parents.count(None) == 1, "a thread that was not told is a run of its own"


def test_sequences_are_strict_under_threads_and_tasks(init: Any, sink: TraceSink) -> None:
    """However many threads and tasks record at once, a run's numbers have no gap and no repeat."""
    init()

    @glia.tool
    def work(n: int) -> int:
        return n

    async def tasks() -> None:
        async def one(n: int) -> None:
            work(n)
            await asyncio.sleep(0)
            work(n)

        await asyncio.gather(*(one(n) for n in range(50)))

    with glia.run("busy"), ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(glia.wrap(work), n) for n in range(400)]
        asyncio.run(tasks())
        for future in futures:
            future.result()
    assert glia.flush(30)
    numbers = [event["sequence_no"] for event in sink.events]
    assert numbers == list(range(2 + 2 * 500))
    assert by_type(sink, "run.completed")[0]["attributes"]["last_sequence_no"] == numbers[-1]


def test_a_run_is_completed_when_its_last_step_is(init: Any, sink: TraceSink) -> None:
    """A step that outlives its run's block still belongs to it, and comes before its end."""
    init()
    with glia.run("short"):
        late = glia.tool("late").__enter__()
    late.__exit__(None, None, None)
    assert glia.flush()
    assert [event["event_type"] for event in sink.events][-2:] == ["step.completed", "run.completed"]


def test_what_the_program_changes_later_is_recorded_as_it_was(init: Any, sink: TraceSink) -> None:
    """A list or dictionary may be changed right after the call."""
    init()
    messages = [{"role": "user", "content": "before"}]
    with glia.run("mutable"), glia.agent("a", input=messages) as step:
        messages[0]["content"] = "after"
        messages.append({"role": "user", "content": "more"})
        step.output(messages)
        messages.clear()
    assert glia.flush()
    started, done = sink.events[1], sink.events[2]
    assert started["attributes"]["input.value"] == [{"role": "user", "content": "before"}]
    assert len(done["attributes"]["output.value"]) == 2


def test_without_capture_decorated_functions_are_as_they_were() -> None:
    """Nothing is recorded before `init`, and nothing fails."""

    @glia.tool
    def plain(x: int) -> int:
        return x

    with glia.run("none") as run, glia.agent("a") as step:
        step.output(plain(1))
    assert (run.run_id, step.is_recorded, glia.flush(), glia.stats().recorded) == (None, False, True, 0)


def test_calls_are_signed_before_they_are_redacted(init: Any, sink: TraceSink) -> None:
    """Two secrets that look the same once redacted have different signatures; the same call has the same."""
    init()

    @glia.tool
    def mail(to: str) -> None: ...

    with glia.run("signed"):
        mail("ann@example.com")
        mail("bob@example.com")
        mail("ann@example.com")
    assert glia.flush()
    started = by_type(sink, "step.started")
    first, second, third = (event["call_signature"] for event in started)
    assert first == third != second
    assert first.startswith("v1:key-1:")
    assert len({str(event["attributes"]) for event in started}) == 1


def test_a_child_run_knows_its_parent(init: Any, sink: TraceSink) -> None:
    """A run within a run, and one asked for by headers, tell whose they are."""
    init()
    with glia.run("outer") as outer, glia.agent("a") as step:
        told = {name.lower(): value for name, value in glia.headers().items()}
        assert glia.environment()["GLIA_PARENT_RUN"] == outer.run_id
        with glia.run("inner"):
            pass
    with glia.run("remote", parent=told):
        pass
    assert glia.headers() == {}
    assert glia.flush()
    children = [e["attributes"] for e in by_type(sink, "run.started") if e["name"] in ("inner", "remote")]
    assert [(one["parent_run_id"], one["parent_step_id"]) for one in children] == [(outer.run_id, step.step_id)] * 2
