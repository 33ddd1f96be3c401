"""True streaming of turn events, out of an app that can only answer in parts.

The app's events endpoint answers as soon as it has an event, or after a bounded hold; a client on AWS comes back by
itself with `Last-Event-ID`. Here the server comes back on the client's behalf and writes each part to one open
response, so the app is the same everywhere and the browser sees every event when it happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from local.gateway import Request, Response

EVENTS_RESOURCE = "/turns/{turn_id}/events"
EVENT_STREAM = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
# An app that answers without an event and without holding would otherwise be asked in a hot loop.
PAUSE = 0.2


def is_stream(request: Request, resource: str, response: Response) -> bool:
    """Whether this answer begins a stream of events that the server shall continue."""
    kind = response.header("content-type").partition(";")[0].strip().lower()
    return (request.method, resource, response.status, kind) == ("GET", EVENTS_RESOURCE, 200, EVENT_STREAM)


def parts(
    request: Request,
    first: Response,
    invoke: Callable[[Request], Response | None],
    gone: Callable[[], bool],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """The body parts of the whole stream: the first answer's, then those of repeated calls.

    It ends when the app answers anything but 200 (204 after the final event), when it sends the same events again, or
    when the client is gone.

    Args:
        invoke: calls the app; None means that the client left while it ran.
        gone: whether nobody listens any more.
        pause: waits some seconds before a repeated call after an answer without events.
    """
    last_id, response = request.header(LAST_EVENT_ID), first
    while True:
        if response.body:
            yield response.body
        newest = last_event_id(response.body)
        if newest is None:
            pause(PAUSE)
        elif newest == last_id:
            return
        else:
            last_id = newest
        following = None if gone() else invoke(_resumed(request, last_id))
        if following is None or following.status != 200:
            return
        response = following


def last_event_id(body: bytes) -> str | None:
    """The value of the last `id:` line of a piece of server-sent events."""
    ids = [line[3:] for line in body.decode("utf-8", "replace").splitlines() if line.startswith("id:")]
    return ids[-1].removeprefix(" ") if ids else None


def _resumed(request: Request, last_id: str | None) -> Request:
    if last_id is None:
        return request
    others = [(name, value) for name, value in request.headers if name.lower() != LAST_EVENT_ID.lower()]
    return replace(request, headers=[*others, (LAST_EVENT_ID, last_id)])
