"""Five real meetings through the whole of Glia: what it makes of them, and whether every quote is verbatim.

    PYTHONPATH=. python bench/qmsum_meetings.py [path/to/qmsum_ALL_val.jsonl]
    PYTHONPATH=. python bench/qmsum_meetings.py --url http://127.0.0.1:8765    # against a running `make up`

Data: QMSum (Zhong et al., "QMSum: A New Benchmark for Query-based Multi-domain Meeting Summarization", NAACL 2021).
Each meeting is a user of its own (`qmsum-` and its line, from 0), each utterance that is not blank a message; the five
that are taken unless others are asked for have long utterances and blank ones among them. Without --url the application
runs in this process on a database of its own, and every job is delivered by hand. With it, tokens come from the
development issuer of GLIA_HOME, or from --token-command, in which {} stands for the subject. Messages carry their own
ids, so that a second run against the same server adds none. Exits with 1 if a message or a quote is not what it was.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from bench.support import Targets, application, clean_environment, parse, place, say
from chalicelib.jobs.models import JobKind, JobMessage
from tests.support.queue import RecordingQueue

DEFAULT_PATH = Path("../shared/data/topics/qmsum_ALL_val.jsonl")
KINDS = ("insight", "decision", "question", "action", "fact", "preference")
MEETINGS = (3, 10, 14, 15, 18)
PATIENCE = 900.0  # seconds that a server may take for one meeting
TICK = 0.5
OPEN = build_opener(ProxyHandler({})).open  # the server is near; a proxy is for what is far


class Glia(Protocol):
    """A server, as one user."""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a successful answer; None for one without a body."""

    def go_on(self) -> None:
        """Has the last message answered, where nobody else does it: people type to somebody who answers."""

    def settle(self, done: Callable[[], bool]) -> None:
        """Has all background work done, or waits until `done`."""


@dataclass
class InProcess:
    """The application behind Chalice's own test client."""

    http: Any
    services: Any
    queue: RecordingQueue
    token: str
    waiting: set[JobMessage] = field(default_factory=set)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.http.request(method, path, headers=headers, body=raw)
        if answer.status_code >= 300:
            sys.exit(f"{method} {path}: {answer.status_code} {answer.body!r}")
        return json.loads(answer.body) if answer.body else None

    def go_on(self) -> None:
        messages = self.queue.take()
        for message in messages:
            if message.kind is JobKind.TURN:
                self.services.worker.deliver(message)
        # Extractions wait, so that one stands for many messages.
        self.waiting.update(m for m in (*messages, *self.queue.take()) if m.kind is JobKind.EXTRACT)

    def settle(self, done: Callable[[], bool]) -> None:
        while messages := {*self.queue.take(), *self.waiting}:
            self.waiting.clear()
            for message in messages:
                self.services.worker.deliver(message)
        assert done()


@dataclass
class Remote:
    """A running server."""

    url: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        try:
            with OPEN(Request(self.url.rstrip("/") + path, raw, headers, method=method), timeout=60) as answer:
                text = answer.read()
        except HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")
        return json.loads(text) if text else None

    def go_on(self) -> None:
        """The server's workers do."""

    def settle(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                sys.exit(f"the server did not finish within {PATIENCE:.0f} s")
            time.sleep(TICK)


@dataclass(frozen=True)
class Meeting:
    number: int
    utterances: list[str]
    blank: int


@dataclass
class Result:
    """What became of one meeting."""

    meeting: Meeting
    seconds: float
    topics: int
    cards: Counter[str]
    quotes: int
    verbatim: int
    kept: bool
    cited: float
    runs: Counter[str]
    turns: Counter[str]


def load(path: Path, numbers: Iterable[int]) -> Iterator[Meeting]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number in numbers:
        contents = [turn["content"] for turn in json.loads(lines[number])["meeting_transcripts"]]
        utterances = [content for content in contents if content.strip()]
        yield Meeting(number, utterances, len(contents) - len(utterances))


def everything(glia: Glia, path: str) -> list[Any]:
    """All items of a list, page by page."""
    items: list[Any] = []
    cursor = None
    while True:
        mark = "&" if "?" in path else "?"
        page = glia.ask("GET", f"{path}{mark}limit=200" + (f"&cursor={quote(cursor)}" if cursor else ""))
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def hold(glia: Glia, meeting: Meeting) -> Result:
    """Posts the meeting, has everything done, and reads back what came of it."""
    began = time.monotonic()
    turns = []
    for number, content in enumerate(meeting.utterances):
        body = {"message": content, "client_message_id": f"qmsum-{meeting.number}-{number}"}
        turns.append(glia.ask("POST", "/chat", body)["turn_id"])
        glia.go_on()
        if number % 100 == 99:
            say(f"  {number + 1} of {len(meeting.utterances)} messages")
    say("  working")
    states = settled_turns(glia, turns)
    topics = everything(glia, "/topics")
    extract_all(glia, [topic["topic_id"] for topic in topics])
    seconds = time.monotonic() - began
    messages = {item["message_id"]: item for item in everything(glia, "/conversation/messages")}
    cards = [card for topic in topics for card in everything(glia, f"/topics/{topic['topic_id']}/cards")]
    citations = [(messages[c["message_id"]]["content"], c) for card in cards for c in card["citations"]]
    said = [item["content"] for item in messages.values() if item["role"] == "user"]
    return Result(
        meeting=meeting,
        seconds=seconds,
        topics=len(topics),
        cards=Counter(card["kind"] for card in cards),
        quotes=len(citations),
        verbatim=sum(content[c["start"] : c["end"]] == c["quote"] != "" for content, c in citations),
        kept=said == meeting.utterances,
        cited=cited(cards) / max(1, sum(map(len, said))),
        runs=Counter(run["status"] for run in everything(glia, "/extract-runs")),
        turns=states,
    )


def settled_turns(glia: Glia, turns: Sequence[str]) -> Counter[str]:
    """How the turns ended."""
    waiting, ended = list(turns), Counter[str]()

    def done() -> bool:
        while waiting:
            status = glia.ask("GET", f"/turns/{waiting[-1]}")["status"]
            if status in ("queued", "running"):
                return False
            ended[status] += 1
            waiting.pop()
        return True

    glia.settle(done)
    return ended


def extract_all(glia: Glia, topics: Sequence[str]) -> None:
    """Asks for an extraction of every topic: when these are done, so is everything before them."""
    answers = [glia.ask("POST", f"/topics/{topic_id}/extract") for topic_id in topics]
    waiting = [answer["job_id"] for answer in answers if "job_id" in answer]

    def done() -> bool:
        return all(glia.ask("GET", f"/jobs/{job_id}")["status"] in ("done", "dead") for job_id in waiting)

    glia.settle(done)


def cited(cards: Iterable[Any]) -> int:
    """Characters that at least one card cites."""
    places: dict[int, set[int]] = {}
    for card in cards:
        for c in card["citations"]:
            places.setdefault(c["message_id"], set()).update(range(c["start"], c["end"]))
    return sum(map(len, places.values()))


def mint(command: str | None, subject: str) -> str:
    """A token for a running server."""
    if command:
        words = [word.replace("{}", subject) for word in shlex.split(command)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    from chalicelib.identity import dev_issuer
    from chalicelib.settings import Settings

    home = Path(os.environ.get("GLIA_HOME") or ".glia")
    return dev_issuer.issue(Settings.from_env(os.environ), home, subject)


@contextmanager
def opened(url: str | None, token_command: str | None) -> Iterator[Callable[[str], Glia]]:
    """Yields what makes a client of a subject."""
    if url:
        yield lambda subject: Remote(url, mint(token_command, subject))
        return
    from chalice.test import Client

    clean_environment()
    queue = RecordingQueue()
    with place() as where, Client(application()) as client:
        services = where.build(queue)
        yield lambda subject: InProcess(client.http, services, queue, where.token(subject))
        services.close()


def report(results: Sequence[Result]) -> None:
    print(
        "meeting messages blank topics "
        + " ".join(f"{kind:>10}" for kind in KINDS)
        + "  quotes verbatim  cited seconds"
    )
    for r in results:
        kinds = " ".join(f"{r.cards[kind]:10}" for kind in KINDS)
        print(
            f"{r.meeting.number:7} {len(r.meeting.utterances):8} {r.meeting.blank:5} {r.topics:6} {kinds}"
            f" {r.quotes:7} {r.verbatim / max(1, r.quotes):8.1%} {r.cited:6.1%} {r.seconds:7.1f}"
        )
    for r in results:
        print(f"meeting {r.meeting.number}: turns {dict(r.turns)}, runs {dict(r.runs)}")
    print(f"in all {sum(len(r.meeting.utterances) for r in results)} messages, {sum(r.quotes for r in results)} quotes")


def main() -> None:
    args = parse(
        __doc__,
        ("path", {"type": Path, "nargs": "?", "default": DEFAULT_PATH, "help": f"default: {DEFAULT_PATH}"}),
        ("--url", {"help": "address of a running server; default: in this process"}),
        ("--in-process", {"action": "store_true", "help": "the default, said aloud"}),
        ("--token-command", {"metavar": "CMD", "help": "prints a token for the subject {}"}),
        ("--meetings", {"type": int, "nargs": "+", "default": MEETINGS, "help": "lines of the file, from 0"}),
    )
    if args.url and args.in_process:
        sys.exit("--url and --in-process exclude each other")
    if not args.path.is_file():
        sys.exit(
            f"there is no file {args.path}; QMSum's data is at https://github.com/Yale-LILY/QMSum (data/ALL/jsonl)"
        )
    results = []
    with opened(args.url, args.token_command) as client:
        for meeting in load(args.path, args.meetings):
            say(f"meeting {meeting.number}: {len(meeting.utterances)} messages")
            results.append(hold(client(f"qmsum-{meeting.number}"), meeting))
    report(results)
    targets = Targets()
    targets.check("every quote verbatim", all(r.verbatim == r.quotes for r in results))
    targets.check("every message kept as it was said", all(r.kept for r in results))
    targets.check("every turn completed, every run finished or superseded", all(is_done(r) for r in results))
    targets.exit()


def is_done(result: Result) -> bool:
    return set(result.turns) == {"completed"} and set(result.runs) <= {"finished", "superseded"}


if __name__ == "__main__":
    main()
