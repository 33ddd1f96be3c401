"""What the placeholders of the samples in `events/` stand for. Each is made when it is first asked for, with what it
needs, so that a sample costs what is in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from chalicelib.jobs.models import JobKind
from tests.support.api import Api
from tests.support.traces import Event, new_run, run_events, send

ARTIFACT = {"media_type": "text/plain", "bytes": 5, "content": "hello"}
TOOL = {"name": "mine", "title": "Mine", "description": "x", "parameters": {"type": "object"}, "effects": ["read"]}


class Known:
    def __init__(self, api: Api, superuser: Callable[..., None]) -> None:
        self._api = api
        self._superuser = superuser

    def __getitem__(self, placeholder: str) -> str:
        return str(getattr(self, placeholder))

    @property
    def token(self) -> str:
        return self._api.token

    @property
    def user_id(self) -> str:
        return str(self._api.user_id)

    def _job(self, kind: JobKind) -> str:
        return next(str(one.job_id) for one in self._api.queue.sent_messages() if one.kind is kind)

    def _do(self, job_id: str) -> None:
        """Does one job and leaves the others."""
        for message in self._api.queue.sent_messages():
            if str(message.job_id) == job_id:
                self._api.services.worker.deliver(message)

    # --- the conversation ---
    @cached_property
    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = self._api.say("I decided to go with Postgres for the new service.")
        return said

    @property
    def topic_id(self) -> str:
        return str(self._said["topic_id"])

    @property
    def message_id(self) -> str:
        return str(self._said["message_id"])

    @property
    def turn_id(self) -> str:
        return str(self._said["turn_id"])

    @cached_property
    def failed_turn_id(self) -> str:
        turn_id = self._api.chat("hello", topic_id=self.topic_id)["turn_id"]
        self._api.post(f"/turns/{turn_id}/cancel")
        self._api.work()
        return str(turn_id)

    @cached_property
    def live_turn_id(self) -> str:
        return str(self._api.chat("hello again", topic_id=self.topic_id)["turn_id"])

    @property
    def later_message_id(self) -> int:
        assert self.live_turn_id
        return self._api.messages_in(self.topic_id)[-1]

    @cached_property
    def conversation_id(self) -> str:
        assert self._said
        return str(self._api.get("/conversation")["conversation_id"])

    @cached_property
    def other_topic_id(self) -> str:
        active = self.topic_id
        topic_id = self._api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
        self._api.patch(f"/topics/{active}", {"is_active": True})
        return str(topic_id)

    @cached_property
    def operation_id(self) -> str:
        into = self.topic_id
        merged = self._api.post("/topics", {"title": "Nothing"}, 201)["topic_id"]
        return str(self._api.merge(merged, into)["operation_id"])

    # --- cards, stories and jobs ---
    @cached_property
    def extract_job_id(self) -> str:
        return str(self._api.post(f"/topics/{self.topic_id}/extract", status=202)["job_id"])

    @property
    def job_id(self) -> str:
        return self.extract_job_id

    @cached_property
    def story_job_id(self) -> str:
        return str(self._api.post(f"/topics/{self.topic_id}/story", status=202)["job_id"])

    @cached_property
    def turn_job_id(self) -> str:
        assert self.live_turn_id
        return self._job(JobKind.TURN)

    @property
    def run_id(self) -> str:
        assert self._said
        return str(self._api.get("/extract-runs")["items"][0]["run_id"])

    @property
    def card_id(self) -> str:
        return str(self._api.get(f"/topics/{self.topic_id}/cards")["items"][0]["card_id"])

    @cached_property
    def _two_cards(self) -> list[str]:
        topic_id = self._api.post("/topics", {"title": "More"}, 201)["topic_id"]
        self._api.chat("I decided to paint the fence. Do we need a permit for that?", topic_id=topic_id)
        self._do(self._api.post(f"/topics/{topic_id}/extract", status=202)["job_id"])
        return [card["card_id"] for card in self._api.get(f"/topics/{topic_id}/cards")["items"]]

    @cached_property
    def suggested_card_id(self) -> str:
        suggested = self._two_cards[0]
        self._api.patch(f"/cards/{suggested}", {"title": "Mine"})
        self._superuser('UPDATE cards SET machine = machine || \'{"title": "Theirs"}\' WHERE card_id = %s', suggested)
        return suggested

    @cached_property
    def deleted_card_id(self) -> str:
        deleted = self._two_cards[1]
        self._api.delete(f"/cards/{deleted}")
        return deleted

    def _batch(self) -> tuple[str, str]:
        """A preview of the topic's re-extraction: (batch id, its one job's id)."""
        asked = {"filter": {"topics": [self.topic_id]}, "preview": True}
        batch_id = self._api.post("/reextractions", asked, 202)["batch_id"]
        [item] = self._api.get(f"/reextractions/{batch_id}/items")["items"]
        return str(batch_id), str(item["job_id"])

    @cached_property
    def preview_batch_id(self) -> str:
        batch_id, job_id = self._batch()
        self._do(job_id)
        return batch_id

    @cached_property
    def _waiting(self) -> tuple[str, str]:
        return self._batch()

    @property
    def batch_id(self) -> str:
        return self._waiting[0]

    @property
    def reextract_job_id(self) -> str:
        return self._waiting[1]

    @cached_property
    def dead_job_id(self) -> str:
        _, job_id = self._batch()
        self._superuser("UPDATE jobs SET status = 'dead' WHERE job_id = %s", job_id)
        return job_id

    # --- design sessions and tools ---
    def _session(self, *messages: str) -> str:
        session_id = self._api.post("/sessions/create", {}, 201)["session_id"]
        for message in messages:
            self._api.post(f"/sessions/{session_id}/message", {"message": message})
        return str(session_id)

    @cached_property
    def session_id(self) -> str:
        return self._session("I want a customer support agent")

    @cached_property
    def told_session_id(self) -> str:
        return self._session("a research assistant that searches the web", "formal", "no tools")

    @cached_property
    def tool_id(self) -> str:
        return str(self._api.post("/tools", {"tool": TOOL}, 201)["items"][0]["tool_id"])

    # --- traces and artifacts ---
    @cached_property
    def _events(self) -> list[Event]:
        """Of a run that has not ended."""
        events = run_events(new_run(), 1)
        send(self._api, *events[:-1])
        return events

    @property
    def trace_run_id(self) -> str:
        return str(self._events[0]["run_id"])

    @property
    def step_id(self) -> str:
        return str(self._events[1]["step_id"])

    @cached_property
    def risky_run_id(self) -> str:
        run_id = new_run()
        send(self._api, *run_events(run_id, 1))
        self._superuser("UPDATE trace_runs SET health = '{privacy_risk}' WHERE run_id = %s", run_id)
        return run_id

    @cached_property
    def artifact_id(self) -> str:
        return str(self._api.post("/artifacts", ARTIFACT, 201)["artifact_id"])

    @cached_property
    def upload_id(self) -> str:
        return str(self._api.post("/artifacts", {"media_type": "text/plain", "bytes": 5}, 201)["upload_id"])

    @cached_property
    def key_id(self) -> str:
        return str(self._api.post("/api-keys", {"name": "mine"}, 201)["key_id"])
