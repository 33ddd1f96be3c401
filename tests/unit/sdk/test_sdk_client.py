"""The client: typed answers, typed errors, and retries that double nothing."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from glia_sdk import ApiError, Client, NotGlia, NotLoggedIn, Unreachable
from glia_sdk.client import TRIES

from tests.support.glia_server import (
    ACCEPTED,
    CANCEL,
    CONVERSATION,
    TOKEN,
    TOPIC,
    TURN,
    GliaServer,
    Json,
    Nothing,
    Page,
    Reply,
    error,
    turn,
)


def test_requests_carry_the_token_and_stay_under_the_prefix(glia_server: GliaServer, client: Client) -> None:
    """An address with a stage prefix is kept whole; the token goes into the Authorization header only."""
    glia_server.on("GET", "/conversation", CONVERSATION)
    assert client.conversation().conversation_id == "conv_1"
    [seen] = glia_server.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"].startswith("glia-sdk/")


def test_a_trailing_slash_of_the_address_makes_no_difference(glia_server: GliaServer) -> None:
    """`…/api/` is `…/api`."""
    glia_server.on("GET", "/conversation", CONVERSATION)
    with Client(glia_server.url + "/", TOKEN) as client:
        assert client.conversation().active_topic_id is None


def test_a_message_is_sent_with_an_id_of_the_clients_own(glia_server: GliaServer, client: Client) -> None:
    """`send` says what, where to and under which id, and tells what became of it."""
    glia_server.on("POST", "/chat", ACCEPTED)
    accepted = client.send("Hello.", client_message_id="mine", topic_id=TOPIC)
    assert (accepted.turn_id, accepted.topic_id, accepted.rule) == (TURN, TOPIC, "active_topic")
    assert glia_server.seen[0].body == {"message": "Hello.", "client_message_id": "mine", "topic_id": TOPIC}


def test_a_message_is_tried_again_unchanged(glia_server: GliaServer, client: Client, waits: list[float]) -> None:
    """After a lost connection and a 503 the same message goes out under the same id, so that it is kept once."""
    glia_server.on("POST", "/chat", Nothing(), error(503, "unavailable", retry_after=3), ACCEPTED)
    assert client.send("Hello.", client_message_id="mine").message_id == 7
    assert [seen.body for seen in glia_server.seen] == [{"message": "Hello.", "client_message_id": "mine"}] * 3
    assert waits == [0.5, 3.0]


@pytest.mark.parametrize(
    "passing",
    [error(503, "unavailable"), error(429, "rate_limited"), Page(502), Page(503), Json(504, {"message": "Timeout"})],
)
def test_tries_are_bounded(glia_server: GliaServer, client: Client, waits: list[float], passing: Reply) -> None:
    """What does not pass is an error after `TRIES` tries, each after a longer wait."""
    glia_server.on("GET", "/conversation", passing)
    with pytest.raises(ApiError) as raised:
        client.conversation()
    assert raised.value.is_passing
    assert len(glia_server.seen) == TRIES
    assert waits == sorted(waits)
    assert len(waits) == TRIES - 1


def test_the_wait_is_bounded_whatever_the_server_asks(
    glia_server: GliaServer, client: Client, waits: list[float]
) -> None:
    """No Retry-After makes a client wait longer than half a minute."""
    glia_server.on("GET", "/conversation", error(503, "unavailable", retry_after=86_400), CONVERSATION)
    client.conversation()
    assert waits == [30.0]


def test_a_server_that_is_not_there_is_unreachable(waits: list[float]) -> None:
    """A refused connection is tried again a few times, and then said in one line that names the address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        port = held.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with Client(url, TOKEN, sleep=waits.append) as client, pytest.raises(Unreachable) as raised:
        client.conversation()
    assert str(raised.value) == f"cannot connect to {url}"
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(("status", "code"), [(404, "topic_not_found"), (409, "conflict"), (422, "invalid")])
def test_a_refusal_is_an_error_with_its_code(
    glia_server: GliaServer, client: Client, waits: list[float], status: int, code: str
) -> None:
    """An error of the contract keeps code, message and request id, and is not tried again."""
    glia_server.on("POST", "/chat", error(status, code))
    with pytest.raises(ApiError) as raised:
        client.send("Hello.", client_message_id="mine")
    assert str(raised.value) == f"{code}: It cannot be done. (request req-1)"
    assert (raised.value.status, raised.value.code, raised.value.request_id) == (status, code, "req-1")
    assert (len(glia_server.seen), waits) == (1, [])


def test_invalid_fields_are_named(glia_server: GliaServer, client: Client) -> None:
    """What is wrong with a field is part of the one line."""
    told = {"code": "invalid", "message": "Some fields are not valid.", "request_id": "r"}
    details = {"fields": [{"field": "topic_id", "problem": "Input should be a valid UUID"}]}
    glia_server.on("POST", "/chat", Json(422, {"error": {**told, "details": details}}))
    with pytest.raises(ApiError, match="topic_id: Input should be a valid UUID"):
        client.send("Hello.", client_message_id="mine", topic_id="x")


def test_a_wrong_token_is_not_logged_in(glia_server: GliaServer) -> None:
    """401 has an error of its own, which does not hold the token."""
    with Client(glia_server.url, "wrong") as client, pytest.raises(NotLoggedIn) as raised:
        client.conversation()
    assert raised.value.code == "token_invalid"
    assert "wrong" not in str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [
        Page(200),
        Page(302),
        Page(404),
        Json(403, {"message": "Missing Authentication Token"}),
        Json(200, ["a", "list"]),
        Json(200, {"hello": "world"}),
        Json(500, {"error": "a string"}),
    ],
)
def test_what_is_not_glia_is_said_to_be_so(glia_server: GliaServer, client: Client, answer: Reply) -> None:
    """A wrong address, a proxy's page or a gateway's refusal never end in a traceback."""
    glia_server.on("GET", "/conversation", answer)
    with pytest.raises(NotGlia):
        client.conversation()


def test_a_turn_is_cancelled(glia_server: GliaServer, client: Client) -> None:
    """`cancel` tells how the turn ended; fields of a later server are left aside."""
    glia_server.on("POST", CANCEL, turn("failed", "cancelled"))
    assert client.cancel(TURN).failure_class == "cancelled"


def test_cancelling_a_turn_that_has_ended_leaves_it_as_it_is(glia_server: GliaServer, client: Client) -> None:
    """A cancelling that comes too late, or twice, is no error."""
    glia_server.on("POST", CANCEL, error(409, "turn_ended")).on("GET", f"/turns/{TURN}", turn("completed"))
    assert client.cancel(TURN).status == "completed"
