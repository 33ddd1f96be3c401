"""The invariants of docs/architecture.md, section 6, as a client of the API sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

from chalicelib.conversations import store as conversations
from chalicelib.jobs.models import JobKind, Outcome
from tests.support.api import Api

DECISION = "I decided to go with Postgres for the new service."
QUESTION = "Do we need a cache in front of it?"
PREFERENCE = "I prefer dark mode in every editor."


def cards_of(api: Api, topic_id: str) -> list[dict[str, object]]:
    items: list[dict[str, object]] = api.get(f"/topics/{topic_id}/cards")["items"]
    return items


def test_invariant_2_one_topic_a_message_with_its_decision_recorded(api: Api) -> None:
    """Every message has one topic, chosen when it was written; why is on record; an explicit topic always wins."""
    first = api.chat(DECISION)
    second = api.chat("On a different note, what about lunch?")
    third = api.chat("switch topic: this goes back all the same", topic_id=first["topic_id"])
    assert [m["routing"]["rule"] for m in (first, second, third)] == [
        "no_active_topic",
        "switch_signal",
        "explicit_topic",
    ]
    assert third["topic_id"] == first["topic_id"] != second["topic_id"]
    runs = api.get(f"/topics/{first['topic_id']}/router-runs")["items"]
    assert [run["message_id"] for run in runs] == [first["message_id"], third["message_id"]]
    assert runs[1]["from_topic_id"] == second["topic_id"]


def test_invariant_3_exactly_one_successful_run_for_the_same_topic_and_messages(api: Api) -> None:
    """Asking again, by hand or by redelivery, makes no second run of the same source."""
    topic_id = api.say(DECISION)["topic_id"]
    before = cards_of(api, topic_id)
    job_id = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    messages = api.queue.take()
    assert [api.services.worker.deliver(message) for message in messages * 3] == [
        Outcome.DONE,
        Outcome.NOTHING_TO_DO,
        Outcome.NOTHING_TO_DO,
    ]
    job = api.get(f"/jobs/{job_id}")
    assert (job["status"], job["attempts"], job["result"]["reason"]) == ("done", 1, "unchanged")
    assert len(api.get(f"/extract-runs?topic_id={topic_id}&status=finished")["items"]) == 1
    assert cards_of(api, topic_id) == before


def test_invariant_4_a_topic_that_returns_to_an_older_state_gets_that_states_cards(api: Api) -> None:
    """Moving a message away and back shows the same cards again, from the kept result, without another run."""
    first = api.say(DECISION)
    second = api.say(PREFERENCE)
    topic_id = first["topic_id"]
    both = cards_of(api, topic_id)
    elsewhere = api.post("/topics", {"title": "Editors"}, 201)["topic_id"]
    api.patch(f"/messages/{second['message_id']}", {"topic_id": elsewhere}, 200)
    api.work()
    assert [card["kind"] for card in cards_of(api, topic_id)] == ["decision"]
    assert [card["kind"] for card in cards_of(api, elsewhere)] == ["preference"]
    runs = len(api.get(f"/extract-runs?topic_id={topic_id}")["items"])
    api.patch(f"/messages/{second['message_id']}", {"topic_id": topic_id}, 200)
    api.work()
    again = cards_of(api, topic_id)
    assert [(c["card_id"], c["citations"]) for c in again] == [(c["card_id"], c["citations"]) for c in both]
    assert len(api.get(f"/extract-runs?topic_id={topic_id}")["items"]) == runs
    assert cards_of(api, elsewhere) == []


def test_invariant_5_an_empty_topic_leaves_no_trace(api: Api) -> None:
    """A topic without messages gets no run, no cards, no job; one that is emptied loses its cards at once."""
    topic_id = api.post("/topics", {}, 201)["topic_id"]
    assert api.post(f"/topics/{topic_id}/extract") == {"ok": True, "reason": "no_messages"}
    assert api.queue.take() == []
    said = api.say(DECISION, topic_id=topic_id)
    assert cards_of(api, topic_id)
    for message in api.get(f"/conversation/messages?topic_id={topic_id}")["items"]:
        api.delete(f"/messages/{message['message_id']}")
    assert cards_of(api, topic_id) == []
    api.work()
    assert cards_of(api, topic_id) == []
    assert api.post(f"/topics/{topic_id}/extract") == {"ok": True, "reason": "no_messages"}
    assert api.get(f"/topics/{topic_id}/router-runs")["items"] == []
    assert said["message_id"]


def test_invariant_5_a_job_that_finds_its_topic_emptied_writes_nothing_but_its_end(api: Api) -> None:
    """The last message may go between the request and the worker."""
    said = api.chat(DECISION)
    api.services.worker.deliver(api.queue.take()[0])
    (waiting,) = api.queue.take()
    for message in api.get("/conversation/messages")["items"]:
        api.delete(f"/messages/{message['message_id']}")
    assert api.services.worker.deliver(waiting) is Outcome.DONE
    assert api.get(f"/jobs/{waiting.job_id}")["result"] == {"ok": True, "reason": "no_messages"}
    assert api.get("/extract-runs")["items"] == []
    assert cards_of(api, said["topic_id"]) == []


def test_invariant_6_every_card_cites_and_every_citation_is_verbatim(api: Api) -> None:
    """Offsets are code points of the stored, untrimmed text, whatever it is made of."""
    text = f"  🙂 Häagen — \r\n{DECISION} 👩‍👩‍👧 {QUESTION}\t"
    topic_id = api.say(text)["topic_id"]
    stored = {m["message_id"]: m["content"] for m in api.get("/conversation/messages")["items"]}
    assert text in stored.values()
    found = cards_of(api, topic_id)
    assert found
    for card in found:
        assert card["citations"]
        for citation in card["citations"]:  # type: ignore[attr-defined]
            assert stored[citation["message_id"]][citation["start"] : citation["end"]] == citation["quote"] != ""


def test_invariant_9_no_request_waits_for_extraction(api: Api) -> None:
    """A message is accepted and answered while extraction has not even begun."""
    accepted = api.chat(DECISION)
    assert [message.kind for message in api.queue.sent_messages()] == [JobKind.TURN]
    assert api.get(f"/turns/{accepted['turn_id']}")["status"] == "queued"
    assert cards_of(api, accepted["topic_id"]) == []


def test_concurrent_first_messages_make_one_conversation_and_one_topic(api: Api) -> None:
    """Eight messages at once from somebody new: one conversation, one topic, ids in order of commitment."""
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(api.chat, [f"message {n}" for n in range(8)]))
    assert len({a["topic_id"] for a in accepted}) == 1
    assert len(api.get("/topics")["items"]) == 1
    ids = [m["message_id"] for m in api.get("/conversation/messages")["items"]]
    assert ids == sorted(a["message_id"] for a in accepted)


def test_many_users_begin_with_everything_at_once(api: Api) -> None:
    """Whatever index two first transactions meet at, neither fails: sixty users, each begun by eight at once."""
    together = Barrier(8)

    def begin(users: list[UUID]) -> list[bool]:
        made = []
        for user_id in users:
            with api.services.db.user(user_id) as tx:
                together.wait(60)
                made.append(conversations.lock(tx, user_id).is_new)
        api.services.close()
        return made

    users = [api.another().user_id for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(begin, [users] * 8))
    assert [sum(one) for one in zip(*made, strict=True)] == [1] * 60


def test_a_repeated_client_message_id_gets_the_first_answer(api: Api) -> None:
    """A message sent twice is kept once; the same id with other words is refused."""
    key = str(uuid4())
    first = api.chat(DECISION, client_message_id=key)
    assert api.chat(DECISION, client_message_id=key) == first
    refused = api.post("/chat", {"message": QUESTION, "client_message_id": key}, 409)
    assert refused["error"]["code"] == "idempotency_conflict"
    assert len(api.get("/conversation/messages")["items"]) == 1


def test_a_repeated_idempotency_key_gets_the_first_answer(api: Api) -> None:
    """For every write: one effect, the same answer; another body under the key is a conflict."""
    headers = {"Idempotency-Key": "k-1"}
    first = api.post("/topics", {"title": "Plans"}, 201, **headers)
    assert api.post("/topics", {"title": "Plans"}, 201, **headers) == first
    assert api.post("/topics", {"title": "Other"}, 409, **headers)["error"]["code"] == "idempotency_conflict"
    assert len(api.get("/topics")["items"]) == 1
    with ThreadPoolExecutor(4) as pool:
        again = {"Idempotency-Key": "k-2"}
        answers = list(pool.map(lambda _: api.post("/chat", {"message": "hi"}, 202, **again), range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(api.get("/conversation/messages")["items"]) == 1


def test_deleting_a_message_removes_every_word_derived_from_it(api: Api, superuser_rows: object) -> None:
    """No table keeps the words of a deleted message: not cards, kept card sets, events, titles or first answers."""
    secret = "I decided that the zanzibar project ships in May."
    said = api.say(secret, topic_id=None)
    api.say(PREFERENCE)
    for message in api.get("/conversation/messages")["items"]:
        if "zanzibar" in message["content"]:
            api.delete(f"/messages/{message['message_id']}")
    api.work()
    assert superuser_rows("zanzibar") == []  # type: ignore[operator]
    assert "zanzibar" not in str(api.get(f"/topics/{said['topic_id']}")).lower()
    assert [card["kind"] for card in cards_of(api, said["topic_id"])] == ["preference"]
