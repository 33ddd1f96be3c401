"""The streaming loop against an app that answers in parts."""

from collections.abc import Callable

import pytest

from local.gateway import Request, Response
from local.streaming import is_stream, last_event_id, parts

STREAM = [("Content-Type", "text/event-stream; charset=utf-8")]


def part(*ids: int, status: int = 200) -> Response:
    return Response(status, STREAM, "".join(f"id: {n}\ndata: {n}\n\n" for n in ids).encode())


class PartsApp:
    """Answers one part after another and keeps what it was asked with."""

    def __init__(self, *answers: Response | None) -> None:
        self.answers, self.asked = list(answers), list[str | None]()

    def __call__(self, request: Request) -> Response | None:
        self.asked.append(request.header("last-event-id"))
        return self.answers.pop(0)


def stream(app: PartsApp, first: Response, gone: Callable[[], bool] = lambda: False, resumed: str = "") -> list[bytes]:
    headers = [("Last-Event-ID", resumed), ("Authorization", "Bearer t")] if resumed else []
    request = Request("GET", "/turns/1/events", headers, b"", "127.0.0.1")
    return list(parts(request, first, app, gone, pause=lambda seconds: None))


def test_each_part_is_asked_for_after_the_last_event_of_the_one_before() -> None:
    app = PartsApp(part(3), part(4, 5), Response(204, [], b""))
    assert b"".join(stream(app, part(1, 2))) == b"".join(f"id: {n}\ndata: {n}\n\n".encode() for n in range(1, 6))
    assert app.asked == ["2", "3", "5"]


def test_a_part_without_events_keeps_the_place() -> None:
    """The client resumes at 7, gets a comment while nothing happens, and goes on from 7."""
    quiet = Response(200, STREAM, b": nothing yet\n\n")
    app = PartsApp(quiet, part(8), Response(204, [], b""))
    assert stream(app, quiet, resumed="7") == [quiet.body, quiet.body, part(8).body]
    assert app.asked == ["7", "7", "8"]


@pytest.mark.parametrize("status", [204, 401, 404, 503, 504])
def test_any_other_answer_ends_the_stream(status: int) -> None:
    assert stream(PartsApp(part(status=status)), part(1)) == [part(1).body]


def test_a_client_that_left_ends_it() -> None:
    assert stream(PartsApp(), part(1), gone=lambda: True) == [part(1).body]
    assert stream(PartsApp(None), part(1)) == [part(1).body]


def test_an_app_that_repeats_itself_is_not_asked_for_ever() -> None:
    assert stream(PartsApp(part(1)), part(1)) == [part(1).body, part(1).body]


def test_the_last_id_is_read_as_the_standard_says() -> None:
    assert last_event_id(b"id: 1\ndata: id: 9\n\nid:2\r\n\r\n") == "2"
    assert last_event_id(b": comment\n\n") is None


def test_only_a_successful_event_stream_of_turns_is_continued() -> None:
    request = Request("GET", "/turns/1/events", [], b"", "127.0.0.1")
    assert is_stream(request, "/turns/{turn_id}/events", part(1))
    assert not is_stream(request, "/turns/{turn_id}/events", part(status=204))
    assert not is_stream(request, "/turns/{turn_id}", part(1))
    assert not is_stream(request, "/turns/{turn_id}/events", Response(200, [("Content-Type", "application/json")], b""))
    head = Request("HEAD", "/turns/1/events", [], b"", "127.0.0.1")
    assert not is_stream(head, "/turns/{turn_id}/events", part(1))
