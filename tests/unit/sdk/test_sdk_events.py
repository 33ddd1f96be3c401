"""Following a turn: every event once and in order, through lost connections, parts and restarts."""

from __future__ import annotations

import pytest
from glia_sdk import ApiError, Client, NotGlia, NotLoggedIn, Unreachable, follow
from glia_sdk.events import FAILURES, Answer

from tests.support.glia_server import (
    EVENTS,
    NO_MORE,
    RETRY,
    TURN,
    Events,
    GliaServer,
    Json,
    Nothing,
    Page,
    Reply,
    completed,
    delta,
    error,
    event,
    failed,
    started,
)


def _followed(client: Client, after: int = 0) -> tuple[list[int], Answer]:
    """The sequence numbers of the events, and the answer they make."""
    answer, numbers = Answer(), []
    for found in follow(client, TURN, after):
        numbers.append(found.seq)
        answer.take(found)
    return numbers, answer


def _asked(server: GliaServer) -> list[str]:
    """The Last-Event-ID of every request for events."""
    return [seen.headers["last-event-id"] for seen in server.requests("GET", EVENTS)]


def test_a_stream_is_read_to_its_final_event(glia_server: GliaServer, client: Client, waits: list[float]) -> None:
    """One request, if the stream lasts as long as the turn; nothing is asked after the final event."""
    glia_server.answering(Events([RETRY + started(1), delta(2, "Hel"), delta(3, "lo."), completed(4)]))
    numbers, answer = _followed(client)
    assert (numbers, answer.text, answer.is_complete) == ([1, 2, 3, 4], "Hello.", True)
    assert (_asked(glia_server), waits) == (["0"], [])


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Events([started(1) + delta(2, "Hel")], end="lost"), id="between events"),
        pytest.param(Events([started(1) + delta(2, "Hel") + "id: 3\nevent: mess"], end="lost"), id="inside a line"),
        pytest.param(Events([started(1) + delta(2, "Hel") + delta(3, "lo.")[:-1]], end="lost"), id="inside an event"),
        pytest.param(Events([started(1) + delta(2, "Hel") + delta(3, "lo.")[:-1]]), id="an early end"),
    ],
)
def test_a_lost_connection_is_resumed_after_the_last_whole_event(
    glia_server: GliaServer, client: Client, waits: list[float], broken: Reply
) -> None:
    """`Last-Event-ID` names the last event that was taken; nothing is missed and nothing comes twice."""
    glia_server.answering(broken, Events([delta(3, "lo."), completed(4)]))
    numbers, answer = _followed(client)
    assert (numbers, answer.text) == ([1, 2, 3, 4], "Hello.")
    assert (_asked(glia_server), waits) == (["0", "2"], [0.5])


def test_parts_are_joined_with_the_wait_the_server_asks_for(
    glia_server: GliaServer, client: Client, waits: list[float]
) -> None:
    """Behind a gateway the answer comes in parts: after each the client waits `retry:` and asks on."""
    nothing_yet = Events([RETRY + ": nothing new yet\n\n"])
    glia_server.answering(
        nothing_yet,
        Events([RETRY + started(1) + delta(2, "Hel")]),
        nothing_yet,
        Events([delta(3, "lo."), completed(4)]),
    )
    numbers, answer = _followed(client)
    assert (numbers, answer.text) == ([1, 2, 3, 4], "Hello.")
    assert (_asked(glia_server), waits) == (["0", "0", "2", "2"], [0.2] * 3)


def test_any_number_of_empty_parts_is_waited_through(
    glia_server: GliaServer, client: Client, waits: list[float]
) -> None:
    """An answer that is long in coming is no failure."""
    glia_server.answering(*[Events([RETRY])] * 30, Events([started(1), completed(2)]))
    assert _followed(client)[0] == [1, 2]
    assert len(waits) == 30


def test_the_wait_between_requests_is_bounded(glia_server: GliaServer, client: Client, waits: list[float]) -> None:
    """No `retry:` makes a client wait longer than half a minute."""
    glia_server.answering(Events(["retry: 3600000\n\n"]), Events([started(1), completed(2)]))
    _followed(client)
    assert waits == [30.0]


def test_another_attempt_drops_the_words_before_it(glia_server: GliaServer, client: Client) -> None:
    """A second `turn.started` voids the deltas so far, also when it comes after a lost connection."""
    glia_server.answering(
        Events([started(1), delta(2, "Half an ans")], end="lost"),
        Events([started(3, attempt=2), delta(4, "The whole "), delta(5, "answer."), completed(6)]),
    )
    numbers, answer = _followed(client)
    assert (numbers, answer.text) == ([1, 2, 3, 4, 5, 6], "The whole answer.")


def test_events_that_come_again_are_left_aside(glia_server: GliaServer, client: Client) -> None:
    """A server or proxy that repeats events doubles no words."""
    glia_server.answering(
        Events([started(1), delta(2, "Hel")], end="lost"),
        Events([started(1), delta(2, "Hel"), delta(3, "lo."), completed(4)]),
    )
    numbers, answer = _followed(client)
    assert (numbers, answer.text) == ([1, 2, 3, 4], "Hello.")


def test_a_failure_is_a_final_event(glia_server: GliaServer, client: Client) -> None:
    """`turn.failed` ends the following; the answer is not complete."""
    glia_server.answering(Events([started(1), failed(2)]))
    numbers, answer = _followed(client)
    assert (numbers, answer.is_complete) == ([1, 2], False)
    assert answer.final is not None
    assert answer.final.data["class"] == "auth"


def test_after_the_final_event_there_is_nothing(glia_server: GliaServer, client: Client, waits: list[float]) -> None:
    """204 says that there will be no more; asking on would be endless."""
    glia_server.on("GET", EVENTS, NO_MORE)
    assert _followed(client, after=4)[0] == []
    assert (_asked(glia_server), waits) == (["4"], [])


def test_words_may_hold_anything(glia_server: GliaServer, client: Client) -> None:
    """Line separators of Unicode, carriage returns and empty words are words, not ends of lines."""
    words = ["a\u2028b", "\r\n\r\n", "", "\x85", " leading and trailing ", "data: x"]
    lines = [f'id: {n}\nevent: message.delta\ndata: {{"text": "{w}"}}\n\n' for n, w in [(2, "a\u2028b\x85c")]]
    glia_server.answering(
        Events([started(1), *lines, *[delta(3 + n, word) for n, word in enumerate(words)], completed(9)])
    )
    assert _followed(client)[1].text == "a\u2028b\x85c" + "".join(words)


def test_a_server_that_is_away_for_a_while_is_asked_again(
    glia_server: GliaServer, client: Client, waits: list[float]
) -> None:
    """A lost connection is waited out longer each time; a 503 as long as it asks; progress begins the count anew."""
    glia_server.answering(
        Nothing(),
        Nothing(),
        error(503, "unavailable", retry_after=2),
        *[Events([started(1)], end="lost")],
        Nothing(),
        Events([completed(2)]),
    )
    assert _followed(client)[0] == [1, 2]
    assert waits == [0.5, 1.0, 2.0, 0.5, 1.0]


def test_a_server_that_stays_away_is_unreachable(glia_server: GliaServer, client: Client, waits: list[float]) -> None:
    """Following is given up after some failures in a row."""
    glia_server.on("GET", EVENTS, Nothing())
    with pytest.raises(Unreachable):
        _followed(client)
    assert len(glia_server.seen) == FAILURES
    assert sum(waits) < 120


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(404, "turn_not_found"), ApiError),
        (error(401, "token_invalid"), NotLoggedIn),
        (Page(200), NotGlia),
        (Json(200, {}), NotGlia),
        (Page(404), NotGlia),
        (Events(["id: 1\nevent: turn.started\ndata: {broken\n\n"]), NotGlia),
        (Events(["id: x\nevent: turn.started\ndata: {}\n\n"]), NotGlia),
        (Events(["id: 1\nevent: turn.started\ndata: []\n\n"]), NotGlia),
    ],
)
def test_what_cannot_be_followed_is_an_error_at_once(
    glia_server: GliaServer, client: Client, waits: list[float], reply: Reply, kind: type[Exception]
) -> None:
    """A refusal, or something that is not Glia's stream, is not asked again."""
    glia_server.on("GET", EVENTS, reply)
    with pytest.raises(kind):
        _followed(client)
    assert (len(glia_server.seen), waits) == (1, [])


def test_unknown_events_pass_through(glia_server: GliaServer, client: Client) -> None:
    """An event of a later server is handed on and changes no words."""
    glia_server.answering(Events([started(1), event(2, "turn.noted", cards=1), delta(3, "Hi."), completed(4)]))
    numbers, answer = _followed(client)
    assert (numbers, answer.text) == ([1, 2, 3, 4], "Hi.")
