"""Following a turn: server-sent events that survive lost connections.

The protocol: `turn.started`, `message.delta` any number of times, then exactly one of `turn.completed` or
`turn.failed`. Another `turn.started` means that another attempt began: the deltas before it are void. The id of an
event is its sequence number. A server may stream, or answer in parts that end with a `retry:` field; both look alike
from here. After the final event it answers 204.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
from httpx_sse import EventSource, ServerSentEvent

from glia_sdk.client import Client
from glia_sdk.errors import ApiError, GliaError, NotGlia, Unreachable
from glia_sdk.models import COMPLETED, DELTA, STARTED, TurnEvent

FAILURES = 8  # in a row, before giving up
FIRST_WAIT = 0.5  # seconds between requests, until the server says otherwise
LONGEST_WAIT = 30.0


def follow(client: Client, turn_id: str, after: int = 0) -> Iterator[TurnEvent]:
    """Yields the events of a turn after a sequence number, each once and in order, until the final one.

    Ends without a final event only if `after` is that event.

    Raises:
        Unreachable: the connection could not be had again. ApiError, NotGlia
    """
    follower = _Follower(client, turn_id, after)
    while not follower.is_over:
        yield from follower.more()


class Answer:
    """The words of an answer, put together from events. `seq` is the last one it took."""

    def __init__(self) -> None:
        self.seq = 0
        self.text = ""
        self.final: TurnEvent | None = None

    @property
    def is_complete(self) -> bool:
        return self.final is not None and self.final.type == COMPLETED

    def take(self, event: TurnEvent) -> None:
        self.seq = event.seq
        if event.type == STARTED:
            self.text = ""
        elif event.type == DELTA:
            self.text += str(event.data.get("text", ""))
        elif event.is_final:
            self.final = event


class _Follower:
    def __init__(self, client: Client, turn_id: str, after: int) -> None:
        self.is_over = False
        self._client = client
        self._turn_id = turn_id
        self._last = after
        self._wait = FIRST_WAIT
        self._failures = 0

    def more(self) -> Iterator[TurnEvent]:
        """What one request brings; then the wait before the next, if there is to be one."""
        try:
            with self._client.events(self._turn_id, self._last) as response:
                yield from self._read(response)
        except Unreachable as error:
            self._failed(error)
        except ApiError as error:
            if not error.is_passing:
                raise
            self._failed(error)
        else:
            self._failures = 0
            if not self.is_over:
                self._client.sleep(self._wait)

    def _read(self, response: httpx.Response) -> Iterator[TurnEvent]:
        if response.status_code == 204:
            self.is_over = True
            return
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise NotGlia("the server does not answer with events; is something in between?")
        for sse in EventSource(response).iter_sse():
            if sse.retry is not None:
                self._wait = min(sse.retry / 1000, LONGEST_WAIT)
            if not sse.data:
                continue
            event = _event(sse)
            if event.seq > self._last:
                self._last, self._failures = event.seq, 0
                self.is_over = event.is_final
                yield event
            if self.is_over:
                return

    def _failed(self, error: GliaError) -> None:
        if self.is_over:
            return
        self._failures += 1
        if self._failures == FAILURES:
            raise error
        if isinstance(error, ApiError):
            self._client.wait(self._failures, error)
        else:
            self._client.sleep(min(self._wait * 2 ** (self._failures - 1), LONGEST_WAIT))


def _event(sse: ServerSentEvent) -> TurnEvent:
    try:
        data = json.loads(sse.data)
        seq = int(sse.id)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise NotGlia("an event of the turn could not be read")
    return TurnEvent(seq, sse.event, data)
