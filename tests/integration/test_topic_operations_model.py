"""Topic work at random, against a model of it: a dictionary from messages to topics."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.conversations.operations.models import Operation
from tests.support.api import Api

Places = dict[int, UUID]
STATE = """
    SELECT m.message_id, m.topic_id, (SELECT c.to_topic_id FROM topic_corrections c WHERE c.message_id = m.message_id
        ORDER BY c.correction_no DESC LIMIT 1) AS corrected_to FROM messages m ORDER BY m.message_id
"""
TOPICS = """
    SELECT t.topic_id, t.status, t.merged_into, t.topic_id = c.active_topic_id AS is_active,
        EXISTS (SELECT FROM jobs j WHERE j.subject = t.topic_id AND j.status = 'queued') AS is_queued
    FROM topics t JOIN conversations c USING (conversation_id)
"""


class TopicWork(RuleBasedStateMachine):
    """A user who keeps changing their mind. `places` is what ought to be."""

    api: Api

    @initialize()
    def begin(self) -> None:
        self.user_id = self.api.another().user_id
        self.places: Places = {}
        self.topics: list[UUID] = []
        self.operations: list[tuple[Operation, Places]] = []  # with what each moved: message to former topic
        self.changed: set[UUID] = set()
        for content in ("one", "New topic: two"):
            self.append(content, 0)

    def _do(self, use: str, *arguments: Any) -> Operation:
        services = self.api.services
        with services.db.user(self.user_id) as tx:
            done: Operation = getattr(services.operations, use)(tx, self.user_id, *arguments, "r")
            return done

    def _topic(self, draw: int) -> UUID:
        return self.topics[draw % len(self.topics)]

    def _message(self, draw: int) -> int:
        return sorted(self.places)[draw % len(self.places)]

    def _moved(self, operation: Operation, moved: list[int], to: UUID) -> None:
        former = {message_id: self.places[message_id] for message_id in moved}
        assert operation.message_count == len(moved)
        self.operations.append((operation, former))
        self._place(dict.fromkeys(moved, to))

    def _place(self, places: Places) -> None:
        self.changed |= {self.places[message_id] for message_id in places} | set(places.values())
        self.places |= places

    @rule(content=st.sampled_from(["more", "New topic: other"]), explicit=st.integers(0, 9))
    def append(self, content: str, explicit: int) -> None:
        services = self.api.services
        topic_id = self._topic(explicit) if explicit and self.topics else None
        with services.db.user(self.user_id) as tx:
            said = services.turns.start(
                tx, self.user_id, content, topic_id=topic_id, client_message_id=str(uuid4()), request_id="r"
            )
            services.turns.cancel(tx, self.user_id, said.turn_id, "r")
        assert topic_id in (None, said.topic_id)
        self.places[said.message_id] = said.topic_id
        if said.topic_id not in self.topics:
            self.topics.append(said.topic_id)

    @precondition(lambda self: self.places)
    @rule(message=st.integers(0, 99))
    def delete(self, message: int) -> None:
        message_id = self._message(message)
        self.api.services.conversations.delete_message(self.user_id, message_id, "r")
        self.changed.add(self.places.pop(message_id))

    @precondition(lambda self: self.places)
    @rule(messages=st.lists(st.integers(0, 99), min_size=1, max_size=6), to=st.integers(0, 9))
    def move(self, messages: list[int], to: int) -> None:
        chosen, target = {self._message(one) for one in messages}, self._topic(to)
        operation = self._do("move", target, chosen)
        self._moved(operation, [one for one in chosen if self.places[one] != target], target)

    @rule(from_=st.integers(0, 9), into=st.integers(0, 9))
    def merge(self, from_: int, into: int) -> None:
        source, target = self._topic(from_), self._topic(into)
        if source == target:
            return
        operation = self._do("merge", source, target)
        self._moved(operation, [one for one, at in self.places.items() if at == source], target)

    @precondition(lambda self: self.places)
    @rule(message=st.integers(0, 99))
    def split(self, message: int) -> None:
        message_id = self._message(message)
        source = self.places[message_id]
        later = [one for one, at in self.places.items() if at == source and one >= message_id]
        if len(later) == list(self.places.values()).count(source):
            return
        operation = self._do("split", source, message_id, None)
        self.topics.append(operation.to_topic_id)
        self._moved(operation, later, operation.to_topic_id)

    @precondition(lambda self: self.operations)
    @rule(which=st.integers(0, 9))
    def undo(self, which: int) -> None:
        """Of any operation, not only the last one."""
        operation, former = self.operations.pop(which % len(self.operations))
        undone = self._do("undo", operation.operation_id)
        back = {one: at for one, at in former.items() if self.places.get(one) == operation.to_topic_id}
        assert (undone.undone_moved, undone.undone_skipped) == (len(back), len(former) - len(back))
        self._place(back)

    @rule(from_=st.integers(0, 9), into=st.integers(0, 9))
    def merge_and_undo(self, from_: int, into: int) -> None:
        """Undone at once, a merge has not happened: every topic is what it was."""
        before = self._topic_states()
        source = self._topic(from_)
        was_merged = {source, self._topic(into)} & {one for one, state in before.items() if state[1]}
        self.merge(from_, into)
        if self.operations and self.operations[-1][0].from_topic_id == source and source != self._topic(into):
            self.undo(len(self.operations) - 1)
            after = self._topic_states()
            for topic_id in was_merged:  # merged once more or used again, it is no longer merged as it was
                assert after.pop(topic_id)[1] is None
                before.pop(topic_id)
            assert after == before

    @invariant()
    def every_message_is_in_exactly_the_topic_it_ought_to_be_in(self) -> None:
        with self.api.services.db.user(self.user_id) as tx:
            rows = tx.rows(STATE)
        assert {row.message_id: row.topic_id for row in rows} == self.places
        assert all(row.corrected_to in (None, row.topic_id) for row in rows), "the last correction is the truth"

    @invariant()
    def topics_say_what_became_of_them(self) -> None:
        with self.api.services.db.user(self.user_id) as tx:
            rows = tx.rows(TOPICS)
        filled = set(self.places.values())
        assert {row.topic_id for row in rows} == set(self.topics), "none is ever deleted"
        assert [row.topic_id for row in rows if row.merged_into and row.topic_id in filled] == []
        assert [row.topic_id for row in rows if row.is_active and row.status != "active"] == []
        waiting = {row.topic_id for row in rows if row.is_queued}
        assert waiting >= self.changed & filled, "every changed topic that has messages is extracted again"

    def _topic_states(self) -> dict[UUID, tuple[str, UUID | None, bool]]:
        with self.api.services.db.user(self.user_id) as tx:
            return {row.topic_id: (row.status, row.merged_into, bool(row.is_active)) for row in tx.rows(TOPICS)}


def test_topic_work_at_random_loses_nothing_and_undoes_exactly(api: Api) -> None:
    """Append, move, split, merge, undo and delete in any order: every message is in exactly one topic, the right one;
    undoing moves back exactly what still is where it was put."""
    machine = type("TopicWorkOfOneTest", (TopicWork,), {"api": api})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
