"""A small world for fault tests: one user, a lossy queue, and workers that die, stall and run twice.

A schedule is a seed. Its steps are drawn from it; at a crash point a worker may die (`Crash`), or be slow while the
rest of the world goes on (the steps are nested there), so that leases run out under it and others take over.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from chalicelib import wiring
from chalicelib.adapters.crashpoints import survive
from chalicelib.cards import rules, store
from chalicelib.cards.models import SHOWN, Card, DraftCard, SourceMessage
from chalicelib.errors import GliaError
from chalicelib.jobs.models import JobMessage
from chalicelib.settings import Settings
from tests.faults.explanation_checks import check_explanations
from tests.faults.story_checks import check_stories
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.queue import RecordingQueue

WORDS = (
    "I decided to go with Postgres for store {n}.",
    "Do we need cache number {n} in front of it?",
    "We should email Ana about point {n} by Friday.",
    "I prefer layout {n} for the page.",
    "Nothing much happened on day {n}.",
)
MAX_DEPTH = 2
KILL_RATE = 0.04


class Stage:
    """What worlds of one database take turns with, so that not each of them opens connections of its own."""

    def __init__(self, settings: Settings, superuser_url: str, home: Path) -> None:
        self.home = home
        self.queue = RecordingQueue()
        self.reach: Callable[[str], None] = survive
        self.services = wiring.build(settings, queue=self.queue, crash_points=self._reached)
        self._superuser_url = superuser_url
        self.connect()

    def _reached(self, name: str) -> None:
        self.reach(name)

    def connect(self) -> None:
        self.superuser = psycopg.connect(self._superuser_url, autocommit=True)

    def close(self) -> None:
        self.superuser.close()
        self.services.close()


@dataclass
class World:
    stage: Stage
    seed: int
    crash_rate: float = 0.12
    kill_database: Callable[[], None] | None = None
    slow_rate: float = 0.5
    inbox: list[JobMessage] = field(default_factory=list)
    accepted: dict[str, Any] = field(default_factory=dict)
    shown: dict[tuple[UUID, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.depth = 0
        self.calm = False
        self.crashes: dict[str, int] = {}
        self.observed = ""
        self.queue, self.services = self.stage.queue, self.stage.services
        self.queue.take()
        self.stage.reach = self.reach
        wiring.use(self.services)
        self.api = Api(self.services, self.queue, self.stage.home)
        self.user_id: UUID = self.api.user_id

    def reach(self, name: str) -> None:
        """The crash points: die there, or be slow there."""
        if self.calm:
            return
        if self.random.random() < self.crash_rate:
            self.crashes[name] = self.crashes.get(name, 0) + 1
            raise Crash(name)
        if self.kill_database and self.random.random() < KILL_RATE:
            self.kill()
        if name == "after_claim" and self.depth < MAX_DEPTH and self.random.random() < self.slow_rate:
            self.depth += 1
            try:
                self.overtake()
            finally:
                self.depth -= 1

    def kill(self) -> None:
        """The database dies, whoever is talking to it, and comes back."""
        assert self.kill_database is not None
        self.stage.superuser.close()
        self.kill_database()
        self.stage.connect()

    def overtake(self) -> None:
        """While one worker is slow: its lease runs out, the topics change, others take over and get ahead of it."""
        if self.random.random() < 0.3:
            self.step()
        for action in (
            self.expire,
            self.random.choice((self.say, self.move, self.rearrange, self.delete)),
            self.ask,
            self.sweep,
        ):
            if self.random.random() < 0.8:
                with suppress(Crash):
                    action()
                self.observe()
        for _ in range(self.random.randint(0, 5)):
            with suppress(Crash):
                self.deliver()
            self.observe()

    def step(self) -> None:
        """Something happens; whoever dies of it, the world goes on."""
        action = self.random.choices(
            (
                self.say,
                self.deliver,
                self.lose,
                self.expire,
                self.sweep,
                self.delete,
                self.move,
                self.rearrange,
                self.ask,
            ),
            weights=(4, 10, 1, 4, 3, 1, 3, 2, 2),
        )[0]
        with suppress(Crash):
            action()
        self.observe()

    def observe(self) -> None:
        """What a reader may see at any moment: the cards of a topic are those of one real state of it, whole, and never
        of an earlier one than was shown before."""
        [(moment,)] = self.rows("SELECT pg_current_snapshot()::text")
        if moment == self.observed:  # nobody has written anything since
            return
        self.observed = moment
        states = self.rows(
            "SELECT topic_id, revision, cards_end_id FROM topics WHERE user_id = %s AND cards_revision = revision",
            self.user_id,
        )
        for topic_id, revision, end_id in states:
            shown = self.shown.get((topic_id, revision), 0)
            assert end_id >= shown, "a slow, older extraction has overwritten a newer one"
            self.shown[topic_id, revision] = end_id
        self.check_cards({topic_id: end_id for topic_id, _, end_id in states})

    def say(self) -> None:
        """A client sends a message, and sends it again under the same id if the connection broke."""
        n = len(self.accepted)
        body: dict[str, Any] = {
            "message": self.random.choice(WORDS).format(n=n % 7),
            "client_message_id": f"{self.seed}-{n}-{self.random.randrange(10**9)}",
        }
        topics = self.topics()
        if len(topics) < 3 and self.random.random() < 0.4:
            body["message"] = "New topic: " + body["message"]
        elif topics and self.random.random() < 0.5:
            body["topic_id"] = str(self.random.choice(topics))
        while True:
            with suppress(Crash):
                response = self.api.request("POST", "/chat", body)
                if response.status_code == 202:
                    self.accepted[body["client_message_id"]] = response.json_body
                    return
                assert response.status_code == 503, response.body

    def deliver(self) -> None:
        """At least once, in any order."""
        self.inbox += self.queue.take()
        if not self.inbox:
            return
        message = self.random.choice(self.inbox)
        if self.random.random() < 0.7:
            self.inbox.remove(message)
        with suppress(GliaError):
            self.services.worker.deliver(message)

    def lose(self) -> None:
        """The queue forgets everything."""
        self.queue.take()
        self.inbox.clear()

    def expire(self) -> None:
        """Every lease runs out, also those of workers that are still at it."""
        self.stage.superuser.execute(
            "UPDATE jobs SET lease_until = now() WHERE lease_until > now() AND user_id = %s", (self.user_id,)
        )

    def sweep(self) -> None:
        self.services.jobs.sweep(after=0)

    def delete(self) -> None:
        if messages := self.messages():
            response = self.api.request("DELETE", f"/messages/{self.random.choice(messages)[0]}")
            assert response.status_code in (204, 404, 409, 503), response.body

    def move(self) -> None:
        """To another topic; half of the time back again at once."""
        messages, topics = self.messages(), self.topics()
        if not messages or len(topics) < 2:
            return
        message_id, home, _, _ = self.random.choice(messages)
        target = self.random.choice(topics)
        self.api.request("PATCH", f"/messages/{message_id}", {"topic_id": str(target)})
        if self.random.random() < 0.5:
            self.api.request("PATCH", f"/messages/{message_id}", {"topic_id": str(home)})

    def rearrange(self) -> None:
        """Merges two topics, splits one, or undoes any of what was done."""
        messages, topics = self.messages(), self.topics()
        done = self.rows("SELECT operation_id FROM topic_operations WHERE user_id = %s ORDER BY 1", self.user_id)
        path: str
        body: dict[str, Any] | None = None
        if done and self.random.random() < 0.5:
            path = f"/topic-operations/{self.random.choice(done)[0]}/undo"
        elif messages and self.random.random() < 0.5:
            message_id, topic_id, _, _ = self.random.choice(messages)
            path, body = f"/topics/{topic_id}/split", {"message_id": message_id}
        elif topics:
            path = f"/topics/{self.random.choice(topics)}/merge"
            body = {"into_topic_id": str(self.random.choice(topics))}
        else:
            return
        response = self.api.request("POST", path, body)
        assert response.status_code in (200, 201, 409, 422, 503), response.body

    def ask(self) -> None:
        if topics := self.topics():
            self.api.request("POST", f"/topics/{self.random.choice(topics)}/{self.random.choice(('extract', 'story'))}")

    def settle(self) -> None:
        """Nobody dies any more; leases run out, the sweep runs, everything is delivered."""
        self.calm = True
        for _ in range(50):
            self.expire()
            self.sweep()
            self.inbox += self.queue.take()
            if not self.inbox:
                return
            while self.inbox:
                with suppress(GliaError):
                    self.services.worker.deliver(self.inbox.pop(0))
                self.inbox += self.queue.take()
        raise AssertionError("the world does not come to rest")

    def rows(self, sql: str, *params: Any) -> list[Any]:
        return self.stage.superuser.execute(sql, params).fetchall()

    def topics(self) -> list[UUID]:
        return [row[0] for row in self.rows("SELECT topic_id FROM topics WHERE user_id = %s ORDER BY 1", self.user_id)]

    def messages(self) -> list[Any]:
        """(message_id, topic_id, role, content)"""
        return self.rows(
            "SELECT message_id, topic_id, role, content FROM messages WHERE user_id = %s ORDER BY 1", self.user_id
        )

    def check(self) -> None:
        """Everything that must hold once the world is at rest."""
        self.check_jobs()
        self.check_turns()
        self.check_runs()
        self.check_cards(dict.fromkeys(self.topics(), 2**62))
        with self.services.db.user(self.user_id) as tx:
            check_stories(tx)
            check_explanations(tx)

    def check_jobs(self) -> None:
        states = self.rows("SELECT kind, status FROM jobs WHERE user_id = %s AND status <> 'done'", self.user_id)
        assert states == [], "nothing is stuck, lost or dead"

    def check_turns(self) -> None:
        turns = self.rows(
            "SELECT turn_id, status, user_message_id, assistant_message_id, last_seq FROM turns WHERE user_id = %s",
            self.user_id,
        )
        assert {str(turn[0]) for turn in turns} == {accepted["turn_id"] for accepted in self.accepted.values()}
        answered = [turn[3] for turn in turns if turn[3] is not None]
        assert len(answered) == len(set(answered))
        kept = {row[0]: row[3] for row in self.messages() if row[2] == "assistant"}
        assert set(kept) == set(answered), "every answer belongs to one turn, and is there once"
        rows = self.rows(
            "SELECT seq, type, data, turn_id FROM turn_events WHERE turn_id = ANY(%s) ORDER BY turn_id, seq",
            [turn[0] for turn in turns],
        )
        events = {turn_id: list(of_turn) for turn_id, of_turn in groupby(rows, key=itemgetter(3))}
        for turn_id, status, _, assistant_id, last_seq in turns:
            assert status == "completed"
            self.check_events(events[turn_id], kept.get(assistant_id), last_seq)

    def check_events(self, events: list[Any], content: str | None, last_seq: int) -> None:
        types = [event[1] for event in events]
        assert types.count("turn.completed") + types.count("turn.failed") == 1
        assert types[-1] == "turn.completed"
        assert events[-1][0] == last_seq
        if content is None:  # the answer was deleted, and its deltas with it
            assert "message.delta" not in types
            return
        assert [event[0] for event in events] == list(range(1, last_seq + 1))
        begun = max(n for n, type_ in enumerate(types) if type_ == "turn.started")
        assert "".join(event[2]["text"] for event in events[begun + 1 : -1]) == content

    def check_runs(self) -> None:
        twice = self.rows(
            "SELECT topic_id, source_hash, count(*) FROM card_extract_runs WHERE user_id = %s AND status = 'finished'"
            " GROUP BY 1, 2 HAVING count(*) > 1",
            self.user_id,
        )
        assert twice == []
        running = self.rows(
            "SELECT r.run_id FROM card_extract_runs r JOIN topics t USING (topic_id)"
            " WHERE r.user_id = %s AND r.run_id = t.cards_run_id AND r.status <> 'finished'",
            self.user_id,
        )
        assert running == [], "what a topic shows was finished"

    def check_cards(self, ends: dict[UUID, int]) -> None:
        """Each of these topics shows exactly what extracting its messages up to an id gives, verbatim."""
        if not ends:
            return
        messages = self.messages()
        with self.services.db.user(self.user_id) as tx:
            shown = {
                topic_id: store.list_of_topic(tx, self.user_id, topic_id, None, SHOWN, None, 1000) for topic_id in ends
            }
        for topic_id, end_id in ends.items():
            read = [SourceMessage(m[0], m[2], m[3]) for m in messages if m[1] == topic_id and m[0] <= end_id]
            assert sorted(map(_said, shown[topic_id])) == sorted(map(_said, rules.extract(read)))


def _said(card: Card | DraftCard) -> tuple[str, str, str, list[tuple[int, str]]]:
    return str(card.kind), card.title, card.body, [(c.message_id, c.quote) for c in card.citations]
