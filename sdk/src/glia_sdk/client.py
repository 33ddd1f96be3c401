"""Glia over HTTP: typed answers, typed errors, and bounded retries of what may pass."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from glia_sdk.errors import ApiError, GliaError, NotGlia, NotLoggedIn, Unreachable
from glia_sdk.models import Accepted, Conversation, Imported, Page, Turn

Shape = TypeVar("Shape")
TRIES = 4  # of one request
LONGEST_WAIT = 30.0  # seconds, whatever Retry-After says
LARGEST_PAGE = 200  # items
TIMEOUT = httpx.Timeout(35.0, connect=5.0)  # no request of Glia's takes longer than 29 seconds
EVENTS_TIMEOUT = httpx.Timeout(45.0, connect=5.0)  # the longest silence of an open stream


class Client:
    """A connection to one server as one user.

    Every request it makes may be repeated safely, so it repeats those that got no answer, and those that were told to
    come back (429, 502, 503, 504), after `Retry-After` or an increasing wait; `TRIES` in all.

    Args:
        url: the server's address, with its stage prefix if it has one.
        token: None for what needs none.
        sleep: waits some seconds; tests hand in their own.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.url = url.rstrip("/")
        self.sleep = sleep
        self._jitter = jitter
        headers = {"User-Agent": f"glia-sdk/{version('glia-sdk')}"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def conversation(self) -> Conversation:
        """The user's one conversation. Also the way to find out whether a token works."""
        body = self._json("GET", "/conversation")
        return _read(lambda: Conversation(body["conversation_id"], body["active_topic_id"]))

    def send(self, message: str, *, client_message_id: str, topic_id: str | None = None) -> Accepted:
        """Sends a message.

        Args:
            client_message_id: an id of your own; sent again, a message is not kept twice.
            topic_id: where it belongs; None lets Glia decide.
        """
        asked = {"message": message, "client_message_id": client_message_id}
        body = self._json("POST", "/chat", asked | ({"topic_id": topic_id} if topic_id else {}))
        return _read(
            lambda: Accepted(
                body["turn_id"],
                body["message_id"],
                body["topic_id"],
                body["routing"]["rule"],
                body["routing"]["policy"],
            )
        )

    def turn(self, turn_id: str) -> Turn:
        return _turn(self._json("GET", f"/turns/{turn_id}"))

    def cancel(self, turn_id: str) -> Turn:
        """Ends a turn. One that has ended already is left as it is."""
        try:
            return _turn(self._json("POST", f"/turns/{turn_id}/cancel"))
        except ApiError as error:
            if error.code != "turn_ended":
                raise
            return self.turn(turn_id)

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        """Any resource, as the server tells it. Parameters that are None are left out."""
        return self._json("GET", path, query={name: value for name, value in query.items() if value is not None})

    def page(self, path: str, **query: Any) -> Page:
        """A part of any list; `cursor` and `limit` are parameters like others."""
        body = self.read(path, **query)
        return _read(lambda: _page(body))

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All of any list, page after page."""
        cursor = None
        while True:
            page = self.page(path, **query, cursor=cursor, limit=LARGEST_PAGE)
            yield from page.items
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def make(self, path: str, body: Any = None, *, idempotency_key: str) -> dict[str, Any]:
        """Makes something. Sent again under the same key, it is not made twice."""
        return self._json("POST", path, body, headers={"Idempotency-Key": idempotency_key})

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A question too long for a query string; it changes nothing."""
        return self._json("POST", path, body)

    def change(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._json("PATCH", path, body)

    def remove(self, path: str) -> dict[str, Any]:
        return self._json("DELETE", path)

    def health(self) -> dict[str, Any]:
        """The state of the server's parts. Not retried: what it says is wanted, also when that is "unavailable"."""
        response = self._send("GET", "/health")
        if response.status_code == 503 and "status" in (told := _object(response)):
            return told
        return _answer(response)

    def import_batch(self, source: str, messages: list[dict[str, Any]], *, idempotency_key: str) -> Imported:
        """Imports messages, as `POST /imports` takes them.

        Raises:
            GliaError: not retried; how long an import waits is for its sender to say.
        """
        asked = {"source": source, "messages": messages}
        body = self._try("POST", "/imports", asked, headers={"Idempotency-Key": idempotency_key})
        return _read(lambda: _imported(body, len(messages)))

    @contextmanager
    def events(self, turn_id: str, after: int) -> Iterator[httpx.Response]:
        """One request for the events of a turn after a sequence number; `glia_sdk.follow` makes as many as it takes.

        Raises:
            GliaError: not retried.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": str(after)}
        try:
            path = f"/turns/{turn_id}/events"
            with self._http.stream("GET", path, headers=headers, timeout=EVENTS_TIMEOUT) as response:
                if response.status_code not in (200, 204):
                    response.read()
                    raise _error(response)
                yield response
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def wait(self, failures: int, error: GliaError) -> None:
        """Waits after the `failures`-th failure in a row: as long as the server asks, else longer each time."""
        self.sleep(self.pause(failures, error, LONGEST_WAIT))

    def pause(self, failures: int, error: GliaError, longest: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row."""
        asked = error.retry_after if isinstance(error, ApiError) else None
        backoff = 0.5 * 2 ** min(failures - 1, 16) * (0.5 + self._jitter() / 2)
        return min(backoff if asked is None else asked, longest)

    def _json(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        failures = 0
        while True:
            try:
                return self._try(method, path, body, **more)
            except Unreachable as error:
                last: GliaError = error
            except ApiError as error:
                if not error.is_passing:
                    raise
                last = error
            failures += 1
            if failures == TRIES:
                raise last
            self.wait(failures, last)

    def _try(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        return _answer(self._send(method, path, json=body, params=query, headers=headers))

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(f"no answer in time from {self.url}")
        if isinstance(error, httpx.ConnectError):
            return Unreachable(f"cannot connect to {self.url}")
        return Unreachable(f"the connection to {self.url} was lost")


def _turn(body: dict[str, Any]) -> Turn:
    return _read(
        lambda: Turn(
            body["turn_id"], body["topic_id"], body["status"], body["failure_class"], body["assistant_message_id"]
        )
    )


def _page(body: dict[str, Any]) -> Page:
    items, cursor = body["items"], body["next_cursor"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise TypeError("a list has objects")
    return Page(items, cursor)


def _imported(body: dict[str, Any], count: int) -> Imported:
    skipped = [(int(one["index"]), str(one["reason"])) for one in body["skipped"]]
    if not all(0 <= index < count for index, _ in skipped):
        raise TypeError("an index names no message")
    return Imported(int(body["imported"]), int(body["duplicates"]), skipped, [str(one) for one in body["topic_ids"]])


def _read(build: Callable[[], Shape]) -> Shape:
    try:
        return build()
    except (KeyError, TypeError, ValueError):
        raise NotGlia("the server's answer is not one of Glia's; is the address right?") from None


def _answer(response: httpx.Response) -> dict[str, Any]:
    if not response.is_success:
        raise _error(response)
    return _object(response)


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise NotGlia(f"something answers at {response.url}, but it is not Glia (status {response.status_code})")
    return body


def _error(response: httpx.Response) -> GliaError:
    """The error that an answer stands for."""
    status = response.status_code
    try:
        told = response.json()["error"]
        code, message = str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        if status in (429, 502, 503, 504):  # of something in between
            return ApiError(status, f"http_{status}", response.reason_phrase, retry_after=_retry_after(response))
        return NotGlia(f"something answers at {response.url}, but it is not Glia (status {status})")
    kind = NotLoggedIn if status == 401 else ApiError
    return kind(status, code, message, told.get("request_id"), told.get("details"), _retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    told = response.headers.get("retry-after", "")
    return float(told) if re.fullmatch(r"[0-9]{1,9}", told) else None
