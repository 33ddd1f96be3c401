"""Invariant 1, at random: two users, every route, each other's ids."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from chalicelib.api import endpoints
from chalicelib.api.resource import Endpoint
from tests.support.api import Api
from tests.support.traces import event, new_run, run_events, send

REQUESTS = int(os.environ.get("ISOLATION_REQUESTS", "2000"))
BATCHES = 4
WORDS = {"ana": "alabaster", "ben": "bergamot"}  # each user's own; neither may ever be shown the other's


class Fuzz:
    """Two users who know all of each other's ids, and ask for everything."""

    def __init__(self, api: Api, seed: int) -> None:
        self.random = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.users = {"ana": api, "ben": api.another()}
        self.ids: dict[str, dict[str, list[Any]]] = {name: {} for name in self.users}
        for name in self.users:
            self.settle(name)

    def settle(self, name: str) -> None:
        """Gives a user one of everything, and notes the ids."""
        api, word = self.users[name], WORDS[name]
        said = api.say(f"I decided to paint the {word} room. Do we need more {word}?")
        api.say(f"New topic: we should buy {word} by Friday.")
        api.post("/api-keys", {"name": f"{word} key"}, 201)
        batch = api.post("/reextractions", {"filter": {"all": True}, "preview": True}, 202)
        api.work()
        self.ids[name]["batch_id"] = [batch["batch_id"]]
        api.patch(f"/messages/{said['message_id']}", {"topic_id": api.get("/conversation")["active_topic_id"]})
        ids = self.ids[name]
        ids["turn_id"] = [said["turn_id"]]
        ids["topic_id"] = [topic["topic_id"] for topic in api.get("/topics")["items"]]
        ids["message_id"] = [message["message_id"] for message in api.get("/conversation/messages")["items"]]
        ids["operation_id"] = [one["operation_id"] for one in api.get("/topic-operations")["items"]]
        ids["card_id"] = [c["card_id"] for t in ids["topic_id"] for c in api.get(f"/topics/{t}/cards")["items"]]
        ids["run_id"] = [run["run_id"] for run in api.get("/extract-runs")["items"]]
        ids["job_id"] = [run["job_id"] for run in api.get("/extract-runs")["items"]]
        ids["key_id"] = [key["key_id"] for key in api.get("/api-keys")["items"]]
        begun = api.post("/sessions/create", {}, 201)["session_id"]
        api.post(f"/sessions/{begun}/message", {"message": f"I want a {word} agent"})
        ids["session_id"] = [begun]
        tool = {"name": word, "title": word, "description": word, "parameters": {"type": "object"}, "effects": ["read"]}
        ids["tool_id"] = [api.post("/tools", {"tool": tool}, 201)["items"][0]["tool_id"]]
        run_id = new_run()
        events = run_events(run_id, 2, name=f"{word} run")
        send(api, *events[:-1])
        ids["trace_run_id"] = [run_id]
        ids["step_id"] = [one["step_id"] for one in events if "step_id" in one]
        artifact = {"media_type": "text/plain", "bytes": len(word), "content": word}
        ids["artifact_id"] = [api.post("/artifacts", artifact, 201)["artifact_id"]]
        ids["conversation_id"] = [api.get("/conversation")["conversation_id"]]

    def any_id(self, kind: str) -> Any:
        owner = self.random.choice(list(self.users))
        known = self.ids[owner].get(kind) or [str(uuid4())]
        return self.random.choice([*known, str(uuid4())] if self.random.random() < 0.1 else known)

    def any_message(self) -> Any:
        """Nobody's now and then."""
        return self.random.choice([10**15, *self.ids["ana"]["message_id"], *self.ids["ben"]["message_id"]])

    def body(self, endpoint: Endpoint, name: str) -> Any:
        topic_id = self.any_id("topic_id")
        return {
            "post_chat": {
                "message": f"more {WORDS[name]}",
                "topic_id": topic_id if self.random.random() < 0.6 else None,
            },
            "patch_message": {"topic_id": topic_id},
            "post_topic": {"title": f"{WORDS[name]} plans"},
            "merge": {"into_topic_id": topic_id},
            "split": {"message_id": self.any_message(), "title": f"{WORDS[name]} split off"},
            "move": {"message_ids": [self.any_message()]},
            "patch_topic": {"title": f"{WORDS[name]} renamed"},
            "session": {"message": f"an agent for {WORDS[name]}"},
            "reopen": {"stage": "goals"},
            "fields": {"fields": {"audience": WORDS[name]}},
            "workflow": {},
            "tool": {
                "tool": {
                    "name": f"{WORDS[name]}_{self.random.randrange(20)}",
                    "title": WORDS[name],
                    "effects": ["read"],
                    "description": WORDS[name],
                    "parameters": {"type": "object"},
                }
            },
            "tool_change": {"tool": {"title": f"{WORDS[name]} now"}},
            "patch_card": {"title": f"{WORDS[name]} edited"},
            "reextract": {"filter": {"topics": [topic_id]}, "preview": self.random.random() < 0.5},
            "artifact": {"media_type": "text/plain", "bytes": 1, "content": "x"},
            "post_api_key": {"name": f"{WORDS[name]} key"},
            "post_routing_replay": {"policy": "v1", "up_to_message_id": self.any_message()},
            "begin_run": {"run_id": self.any_id("trace_run_id"), "name": f"{WORDS[name]} again"},
            "complete_run": {"last_sequence_no": self.random.randrange(9)},
            "override": {"reason": f"{WORDS[name]} is harmless"},
            "post_events": {
                "events": [
                    event(self.any_id("trace_run_id"), self.random.randrange(9), name=f"{WORDS[name]} note")
                    for _ in range(3)
                ]
            },
            "post_spans": {"resourceSpans": [{"scopeSpans": [{"spans": [self.span(name) for _ in range(3)]}]}]},
            "post_import": {
                "source": "s",
                "messages": [{"key": str(self.random.randrange(50)), "role": "user", "content": f"old {WORDS[name]}"}],
            },
        }.get(_handler(endpoint), {})

    def span(self, name: str) -> dict[str, Any]:
        """Of a trace whose id is somebody's run."""
        at = 1_790_000_000_000_000_000 + self.random.randrange(10**9)
        return {
            "traceId": UUID(self.any_id("trace_run_id")).hex, "spanId": f"{self.random.randrange(1, 30):016x}",
            "name": f"{WORDS[name]} span", "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 5),
        }  # fmt: skip

    def step(self) -> None:
        name, endpoint = self.random.choice(list(self.users)), self.random.choice(endpoints())
        path = endpoint.path.format_map(_Ids(self))
        if endpoint.query and "topic_id" in endpoint.query.model_fields and self.random.random() < 0.5:
            path += f"?topic_id={self.any_id('topic_id')}"
        headers = {"Idempotency-Key": f"key-{self.random.randrange(30)}"} if self.random.random() < 0.2 else {}
        body = self.body(endpoint, name) if endpoint.body else None
        response = self.users[name].request(endpoint.method, path, body, headers=headers)
        self.statuses[response.status_code] += 1
        assert response.status_code < 500, (endpoint.method, path, response.body)
        (other,) = (word for user, word in WORDS.items() if user != name)
        assert other not in response.body.decode(), (name, endpoint.method, path)
        if self.random.random() < 0.1:
            self.users[name].work()


class _Ids(dict[str, Any]):
    def __init__(self, fuzz: Fuzz) -> None:
        self.fuzz = fuzz

    def __missing__(self, kind: str) -> Any:
        return "glia.css" if kind == "asset" else self.fuzz.any_id(kind)


def _handler(endpoint: Endpoint) -> str:
    names = {
        ("POST", "/chat"): "post_chat",
        ("PATCH", "/messages/{message_id}"): "patch_message",
        ("POST", "/topics"): "post_topic",
        ("PATCH", "/topics/{topic_id}"): "patch_topic",
        ("POST", "/topics/{topic_id}/merge"): "merge",
        ("POST", "/topics/{topic_id}/split"): "split",
        ("POST", "/topics/{topic_id}/messages"): "move",
        ("POST", "/reextractions"): "reextract",
        ("POST", "/api-keys"): "post_api_key",
        ("POST", "/imports"): "post_import",
        ("PATCH", "/cards/{card_id}"): "patch_card",
        ("POST", "/sessions/create"): "workflow",
        ("POST", "/sessions/{session_id}/message"): "session",
        ("POST", "/sessions/{session_id}/reopen"): "reopen",
        ("PATCH", "/sessions/{session_id}/fields"): "fields",
        ("POST", "/sessions/{session_id}/workflow/validate"): "workflow",
        ("POST", "/artifacts"): "artifact",
        ("POST", "/tools"): "tool",
        ("PATCH", "/tools/{tool_id}"): "tool_change",
        ("POST", "/traces/events"): "post_events",
        ("POST", "/v1/traces"): "post_spans",
        ("POST", "/traces/runs"): "begin_run",
        ("POST", "/traces/runs/{trace_run_id}/complete"): "complete_run",
        ("POST", "/runs/{trace_run_id}/privacy-override"): "override",
        ("POST", "/routing/replays"): "post_routing_replay",
    }
    return names[endpoint.method, endpoint.path]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_invariant_1_random_requests_never_show_or_change_anothers_rows(api: Api, seed: int) -> None:
    """Whatever is asked with whoever's ids, nobody is shown the other's words, or finds them among their own rows."""
    fuzz = Fuzz(api, seed)
    for _ in range(REQUESTS // BATCHES):
        fuzz.step()
    for name, user in fuzz.users.items():
        (other,) = (word for who, word in WORDS.items() if who != name)
        for path in ("/topics?limit=200", "/conversation/messages?limit=200", "/api-keys?limit=200"):
            assert other not in json.dumps(user.get(path))
    assert fuzz.statuses[404] > REQUESTS // BATCHES // 20, "somebody else's ids were asked for"
    assert sum(fuzz.statuses[status] for status in (200, 201, 202, 204)) > REQUESTS // BATCHES // 4, "and one's own"
