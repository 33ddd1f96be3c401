"""Steps: what a program did within a run, with what came in, what came out, and how long it took."""

from __future__ import annotations

import time
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from glia_sdk.capture import session
from glia_sdk.capture.context import PLACE, Place
from glia_sdk.capture.errors import CaptureFailed
from glia_sdk.capture.ids import new_id
from glia_sdk.capture.records import OVERHEAD
from glia_sdk.capture.runs import COMPLETED, FAILED, Run
from glia_sdk.capture.snapshots import snapshot

INPUT, OUTPUT = "input.value", "output.value"
TOOL_NAMES = {INPUT: "gen_ai.tool.call.arguments", OUTPUT: "gen_ai.tool.call.result"}
CHUNK_EVERY = 0.25  # seconds between two events of one stream
CHUNKS_EACH = 512
LONGEST_MESSAGE = 10_000  # characters of an error's


class Step:
    """A step that has begun. Everything it is given is copied at once; nothing it does fails the program.

    Outside capture it does nothing.
    """

    __slots__ = ("_attributes", "_chunks", "_last_chunk", "_own_run", "_place", "_request", "_started", "_token",
                 "_weight", "is_done", "kind", "name", "step_id")  # fmt: skip

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        self.step_id: str | None = None
        self.is_done = False
        self._attributes: dict[str, Any] = {}
        self._weight = OVERHEAD
        self._request: Any = None
        self._place: Place | None = None
        self._own_run: Run | None = None
        self._token: Token[Place | None] | None = None
        self._started = 0.0
        self._last_chunk = 0.0
        self._chunks: list[tuple[float, int]] = []

    @property
    def is_recorded(self) -> bool:
        return self._place is not None and not self.is_done

    def begin(self, attributes: dict[str, Any] | None = None, request: Any = None, weight: int = 0) -> Self:
        """Starts the step where the program is; its attributes are the step's own from now on, and are not copied.

        Raises:
            CaptureFailed: it cannot be recorded, and the program is set to `fail_closed`.
        """
        try:
            recorder = session.recorder()
            if recorder is None:
                return self
            self._place, self._own_run = session.current(recorder, self.name)
            run, parent = self._place
            self.step_id = new_id()
            self._started = time.perf_counter()
            run.open_step()
            told = attributes or {}
            run.emit("step.started", self.step_id, parent, self.kind, self.name, told, OVERHEAD + weight, request)
        except CaptureFailed:
            raise
        except Exception as error:  # noqa: BLE001  # the program goes on
            session.give_up(error)
        return self

    def input(self, value: Any) -> None:
        """What the step was given, if it was not known at its beginning."""
        self._keep(INPUT, value)

    def output(self, value: Any) -> None:
        """What came out of it."""
        self._keep(OUTPUT, value)

    def set(self, **attributes: Any) -> None:
        """Attributes of your own; for names with dots: `step.set(**{"gen_ai.request.model": "m"})`."""
        for name, value in attributes.items():
            self._keep(name, value)

    def chunk(self, length: int) -> None:
        """A piece of a stream arrived, of so many characters. Its text belongs into the output, once and whole."""
        if not self.is_recorded:
            return
        now = time.perf_counter()
        self._chunks.append((now - self._started, length))
        if now - self._last_chunk >= CHUNK_EVERY or len(self._chunks) >= CHUNKS_EACH:
            self._last_chunk = now
            session.guarded(self._tell_chunks)

    def complete(self, attributes: dict[str, Any] | None = None, weight: int = 0) -> None:
        """Ends the step. Ending it again does nothing."""
        if self.is_recorded:
            session.guarded(self._end, "step.completed", attributes or {}, weight)

    def fail(self, error: BaseException, attributes: dict[str, Any] | None = None, weight: int = 0) -> None:
        """Ends the step with the error that ended it."""
        if self.is_recorded:
            told = {"error.type": type(error).__qualname__, "error.message": _message(error)}
            session.guarded(self._end, "step.failed", told | (attributes or {}), weight)

    def enter(self) -> None:
        """Makes it the parent of what begins from now on, until `leave`."""
        if self._place is not None:
            self._token = PLACE.set(Place(self._place.run, self.step_id))

    def leave(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                PLACE.reset(token)
            except ValueError:  # left in another context than it was entered in
                PLACE.set(self._place)

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()
        if error is None:
            self.complete()
        else:
            self.fail(error)

    def _keep(self, name: str, value: Any) -> None:
        if self.is_recorded:
            session.guarded(self._copy, name, value)

    def _copy(self, name: str, value: Any) -> None:
        copied, weight = snapshot(value)
        if name == INPUT:
            self._request = signed_request(self.kind, self.name, copied)
        self._attributes[self.named(name)] = copied
        self._weight += weight

    def named(self, name: str) -> str:
        """The attribute's name for this kind of step."""
        return TOOL_NAMES.get(name, name) if self.kind == "tool" else name

    def _tell_chunks(self) -> None:
        chunks, self._chunks = self._chunks, []
        told = {
            "glia.chunk.at_ms": [round(at * 1000, 1) for at, _ in chunks],
            "glia.chunk.characters": [length for _, length in chunks],
        }
        self._emit("step.chunk", told, OVERHEAD + 16 * len(chunks))

    def _end(self, event_type: str, attributes: dict[str, Any], weight: int) -> None:
        assert self._place is not None
        if self._chunks:
            self._tell_chunks()
        self.is_done = True
        self._emit(event_type, {**self._attributes, **attributes}, self._weight + weight, self._request)
        self._place.run.close_step()
        if self._own_run is not None:
            self._own_run.end(COMPLETED if event_type == "step.completed" else FAILED)

    def _emit(self, event_type: str, attributes: dict[str, Any], weight: int, request: Any = None) -> None:
        assert self._place is not None
        run, parent = self._place
        run.emit(event_type, self.step_id, parent, self.kind, self.name, attributes, weight, request)


def signed_request(kind: str, name: str, arguments: Any) -> Any:
    """What the signature of a step is made of; None for kinds that are not called again by their input."""
    return {"kind": kind, "name": name, "input": arguments} if kind in ("tool", "retriever", "model") else None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:LONGEST_MESSAGE]
    except Exception:  # noqa: BLE001  # an error whose words are broken is still an error
        return ""
