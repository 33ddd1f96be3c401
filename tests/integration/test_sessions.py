"""Design sessions over HTTP: the dialogue, its record, its life cycle, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chalicelib.designer.rebuild import replayed
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.model_glia import MODEL, Start, starter
from tests.support.model_server import AnswerJson, HttpError, ModelRequest, Step
from tests.support.queue import RecordingQueue

STORY = (
    "I want a customer support agent",
    "It should answer billing questions and escalate refunds",
    "Friendly, please",
    "Yes, it needs Slack and email",
    "looks good",
    "yes",
)


def begin(api: Api) -> str:
    created = api.post("/sessions/create", {}, 201)
    assert created["message"]
    return str(created["session_id"])


def say(api: Api, session_id: str, message: str) -> Any:
    return api.post(f"/sessions/{session_id}/message", {"message": message})


def tell(api: Api) -> str:
    """A session that has been told everything."""
    session_id = begin(api)
    for message in STORY:
        say(api, session_id, message)
    return session_id


def test_a_whole_session_offline_ends_in_a_design(api: Api) -> None:
    """Every answer is taken with the words it came from; at the end there are prompt, workflow, tools and cases."""
    session_id = begin(api)
    stages = []
    for message in STORY:
        turn = say(api, session_id, message)
        stages.append(turn["stage"])
        assert turn["extraction_source"] == "rules"
        for field in turn["collected_fields"].values():
            assert field["source"] in ("rules", "assumed")
            assert (field["source"] == "rules") == bool(field["quotes"])
    assert turn["stage"] == "completed"
    assert turn["missing"] == []
    status = api.get(f"/sessions/{session_id}/status")
    assert (status["status"], status["missing"], status["turn"]) == ("completed", [], len(STORY))
    document = api.get(f"/sessions/{session_id}")
    assert document["tools"] == ["slack", "email"] or set(document["tools"]) >= {"slack"}
    assert [entry["role"] for entry in document["conversation_history"]] == ["assistant", *["user", "assistant"] * 6]
    outputs = api.get(f"/sessions/{session_id}/outputs")
    assert outputs["is_draft"] is False
    assert 3 <= len(outputs["acceptance_cases"]) <= 5
    assert outputs["final_prompt"] == document["final_prompt"]
    assert len(outputs["tools_config"]) == len(document["tools"])


def test_what_changed_is_told_with_its_value_before(api: Api) -> None:
    """A correction changes only what it names."""
    session_id = begin(api)
    say(api, session_id, STORY[0])
    say(api, session_id, STORY[1])
    first = say(api, session_id, "Friendly, please")
    assert first["changed"]["tone"][0] is None
    then = say(api, session_id, "actually formal")
    assert list(then["changed"]) == ["tone"]
    assert then["changed"]["tone"] == [first["collected_fields"]["tone"]["value"], "formal"]


def test_undo_reopen_edit_and_complete(api: Api) -> None:
    """Each is one request, answers what changed, and keeps the rest."""
    session_id = tell(api)
    path = f"/sessions/{session_id}"
    reopened = api.post(f"{path}/reopen", {"stage": "tone"})
    assert (reopened["status"], reopened["stage"]) == ("active", "tone")
    edited = api.patch(f"{path}/fields", {"fields": {"tone": "formal", "audience": "engineers"}})
    assert edited["changed"]["tone"][1] == "formal"
    assert edited["collected_fields"]["audience"]["source"] == "user_edit"
    undone = api.post(f"{path}/undo")
    assert undone["changed"]["tone"][0] == "formal"
    assert api.post(f"{path}/complete")["status"] == "completed"
    assert api.post(f"{path}/reopen", {"stage": "nowhere"}, 422)["error"]["code"] == "invalid"


def test_completing_while_something_is_missing_is_refused(api: Api) -> None:
    """422, naming what."""
    session_id = begin(api)
    say(api, session_id, STORY[0])
    error = api.post(f"/sessions/{session_id}/complete", status=422)["error"]
    assert error["code"] == "session_incomplete"
    assert set(error["details"]["missing"]) >= {"goals", "tone"}
    assert api.post(f"/sessions/{begin(api)}/undo", status=409)["error"]["code"] == "nothing_to_undo"


def test_an_expired_session_answers_410_exports_its_draft_and_can_be_resumed(
    api: Api, superuser: Callable[..., None]
) -> None:
    """Live state waits for its user for so long; the record stays."""
    session_id = begin(api)
    say(api, session_id, STORY[0])
    path = f"/sessions/{session_id}"
    superuser("UPDATE design_session_states SET expires_at = now() - interval '1 s' WHERE session_id = %s", session_id)
    assert api.post(f"{path}/message", {"message": "hi"}, 410)["error"]["code"] == "session_expired"
    assert api.get(f"{path}/status")["is_expired"] is True
    assert api.get(f"{path}/export?format=glia")["artifact"]
    resumed = api.post(f"{path}/resume")
    assert (resumed["is_expired"], resumed["status"]) == (False, "active")
    assert "agent_type" in resumed["collected_fields"]
    assert "goals" in resumed["missing"]
    assert resumed["message"].strip()
    say(api, session_id, STORY[1])


def test_a_session_that_nobody_comes_back_to_is_abandoned_by_the_sweep(
    api: Api, superuser: Callable[..., None]
) -> None:
    """After a week; deleting does it at once. Both can be resumed."""
    forgotten, deleted = begin(api), begin(api)
    superuser(
        "UPDATE design_session_states SET expires_at = now() - interval '8 days' WHERE session_id = %s", forgotten
    )
    api.services.sessions.abandon_expired()
    api.delete(f"/sessions/{deleted}")
    for session_id in (forgotten, deleted):
        assert api.get(f"/sessions/{session_id}/status")["status"] == "abandoned"
        assert api.post(f"/sessions/{session_id}/message", {"message": "hi"}, 409)["error"]["code"] == "session_ended"
        assert api.post(f"/sessions/{session_id}/resume")["status"] == "active"
        say(api, session_id, STORY[0])
    assert {s["session_id"] for s in api.get("/sessions?status=active")["items"]} >= {forgotten, deleted}


def test_a_sessions_events_lead_to_its_state(api: Api) -> None:
    """Every turn is a patch: from the beginning they give the same state again."""
    session_id = tell(api)
    path = f"/sessions/{session_id}"
    api.post(f"{path}/reopen", {"stage": "goals"})
    api.patch(f"{path}/fields", {"fields": {"goals": ["answer questions"]}})
    api.post(f"{path}/undo")
    say(api, session_id, "also add search")
    api.delete(path)
    api.post(f"{path}/resume")
    service = api.services.sessions
    session = service.get(api.user_id, UUID(session_id))
    events = service.events(api.user_id, UUID(session_id), 0, 100)
    assert replayed(events) == session.state


def test_two_messages_at_once_do_not_tear_the_session(api: Api) -> None:
    """Both are applied, one after the other, whatever they were read against."""
    session_id = begin(api)
    services, user_id, id_ = api.services, api.user_id, UUID(session_id)
    messages = [f"It should answer question number {n} about billing" for n in range(6)]
    readings = [services.sessions.read(user_id, id_, message) for message in messages]

    def apply(n: int) -> None:
        with services.db.user(user_id) as tx:
            services.sessions.answer(tx, user_id, id_, messages[n], readings[n], "r")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(apply, range(6)))
    session = services.sessions.get(user_id, id_)
    assert (session.state.turn, session.state.version) == (6, 6)
    events = services.sessions.events(user_id, id_, 0, 100)
    assert [event.seq for event in events] == list(range(1, 8))
    assert replayed(events) == session.state


def test_a_repeated_message_is_answered_as_the_first_time(api: Api) -> None:
    """Under one Idempotency-Key it is one turn."""
    session_id = begin(api)
    key = {"Idempotency-Key": "k1"}
    first = api.post(f"/sessions/{session_id}/message", {"message": STORY[0]}, 200, **key)
    assert api.post(f"/sessions/{session_id}/message", {"message": STORY[0]}, 200, **key) == first
    assert api.get(f"/sessions/{session_id}/status")["turn"] == 1
    conflict = api.post(f"/sessions/{session_id}/message", {"message": "other"}, 409, **key)
    assert conflict["error"]["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    "format_id",
    ["agent-spec-json", "agent-spec-yaml", "openai-agents", "openai-tools", "langgraph", "adk", "dify", "mcp",
     "mermaid", "claude-subagent", "glia"],
)  # fmt: skip
def test_every_export_says_what_it_loses_and_how_it_runs(api: Api, format_id: str) -> None:
    """Of a whole design, and of a draft, which says that it is one."""
    whole = api.get(f"/sessions/{tell(api)}/export?format={format_id}")
    assert set(whole) == {"artifact", "filename", "target", "target_version", "losses", "runnable"}
    assert set(whole["runnable"]) == {"env", "command", "placeholders", "confirmations"}
    draft = api.get(f"/sessions/{begin(api)}/export?format={format_id}")
    assert format_id == "glia" or any("draft" in loss for loss in draft["losses"])


def test_glias_own_format_imports_again_without_loss(api: Api) -> None:
    """A new session with the same design."""
    session_id = tell(api)
    assert "claude-subagent" in str(api.get(f"/sessions/{session_id}/export?format=papyrus", 422))
    artifact = api.get(f"/sessions/{session_id}/export?format=glia")["artifact"]
    again = api.post("/sessions/create", {"design": artifact}, 201)["session_id"]
    assert api.get(f"/sessions/{again}/export?format=glia")["artifact"] == artifact
    error = api.post("/sessions/create", {"design": "{}"}, 422)["error"]
    assert error["code"] == "invalid_design"


def test_prompt_workflow_and_templates(api: Api) -> None:
    """In every platform's form; with the difference the last change made; a workflow that is not one is refused."""
    session_id = tell(api)
    path = f"/sessions/{session_id}"
    templates = api.get("/prompt-templates")
    for platform in templates["platforms"]:
        assert api.get(f"{path}/prompt?platform={platform}")["tokens"] > 0
    say(api, session_id, "actually formal")
    assert "formal" in api.get(f"{path}/prompt")["diff"]
    flow = api.get(f"{path}/workflow")
    assert flow["mermaid"].startswith("flowchart")
    assert api.post(f"{path}/workflow/validate", {})["is_valid"] is True
    broken = {**flow["workflow"], "edges": []}
    assert api.post(f"{path}/workflow/validate", {"workflow": broken})["is_valid"] is False
    error = api.post(f"{path}/workflow/validate", {"workflow": {"nodes": 3}}, 422)["error"]
    assert error["code"] == "invalid_workflow"


TOOL = {
    "name": "crm_lookup", "title": "CRM lookup", "description": "Finds a customer.", "effects": ["read"],
    "parameters": {"type": "object", "properties": {"email": {"type": "string"}}}, "synonyms": ["customer database"],
}  # fmt: skip


def test_users_add_tools_of_their_own_and_sessions_use_them(api: Api) -> None:
    """By JSON Schema: listed, changed, deleted; named in a session by its synonym."""
    [tool] = api.post("/tools", {"tool": TOOL}, 201)["items"]
    assert (tool["origin"], tool["name"]) == ("user", "crm_lookup")
    assert api.post("/tools", {"tool": TOOL}, 409)["error"]["code"] == "tool_name_taken"
    assert api.post("/tools", {"tool": {**TOOL, "name": "slack"}}, 422)["error"]["code"] == "invalid_tool"
    path = f"/tools/{tool['tool_id']}"
    assert api.patch(path, {"tool": {"title": "Customers"}})["title"] == "Customers"
    session_id = begin(api)
    say(api, session_id, STORY[0])
    turn = say(api, session_id, "It needs the customer database")
    assert "crm_lookup" in turn["collected_fields"]["tools"]["value"]
    api.delete(path)
    api.get(path, 404)
    assert "crm_lookup" in api.get(f"/sessions/{session_id}")["tools"], "the session keeps it as it was"
    names = [t["name"] for t in api.get("/tools?limit=200")["items"]]
    assert names == sorted(names)
    assert len(names) >= 35
    assert api.another().get("/tools?origin=user")["items"] == []


def test_an_openapi_documents_operations_become_tools(api: Api) -> None:
    """As text; nothing is fetched. All or none."""
    document = {
        "openapi": "3.0.0", "info": {"title": "Orders", "version": "1"},
        "paths": {
            "/orders": {"get": {"operationId": "listOrders", "summary": "Lists orders", "responses": {}}},
            "/orders/{id}": {"delete": {"operationId": "deleteOrder", "responses": {}, "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}},
        },
    }  # fmt: skip
    tools = api.post("/tools", {"openapi": json.dumps(document)}, 201)["items"]
    assert sorted(tool["name"] for tool in tools) == ["delete_order", "list_orders"]
    assert {tool["name"]: tool["effects"] for tool in tools}["list_orders"] == ["read"]
    assert api.post("/tools", {"openapi": "not json"}, 422)["error"]["code"] == "invalid_tool"
    assert api.post("/tools", {}, 422)["error"]["code"] == "invalid"


def test_invariant_1_sessions_and_tools_are_their_users(api: Api) -> None:
    """Somebody else's are not there."""
    session_id = tell(api)
    [tool] = api.post("/tools", {"tool": TOOL}, 201)["items"]
    stranger = api.another()
    assert stranger.get("/sessions")["items"] == []
    stranger.get(f"/sessions/{session_id}", 404)
    stranger.post(f"/sessions/{session_id}/message", {"message": "hi"}, 404)
    stranger.delete(f"/tools/{tool['tool_id']}", 404)
    assert api.get(f"/sessions/{session_id}")["status"] == "completed"


@pytest.mark.parametrize("message", ["", "   ", "x" * 200_001, None, 3])
def test_bad_messages_are_refused_and_change_nothing(api: Api, message: Any) -> None:
    """422 or 413."""
    session_id = begin(api)
    response = api.request("POST", f"/sessions/{session_id}/message", {"message": message})
    assert response.status_code in (413, 422)
    assert api.get(f"/sessions/{session_id}/status")["turn"] == 0


def test_a_very_long_message_works(api: Api) -> None:
    """200 KB of text with an answer in it."""
    session_id = begin(api)
    turn = say(api, session_id, "I want a customer support agent. " + "The weather was fine that day. " * 6_000)
    assert "agent_type" in turn["collected_fields"]


def test_five_hundred_turns_and_a_hundred_tools_work(api: Api) -> None:
    """The state stays small, the history whole, and every tool is in the design."""
    paths = {f"/things/{n}": {"get": {"operationId": f"readThing{n}", "responses": {}}} for n in range(60)}
    document = {"openapi": "3.0.0", "info": {"title": "Things", "version": "1"}, "paths": paths}
    own = [tool["name"] for tool in api.post("/tools", {"openapi": json.dumps(document)}, 201)["items"]]
    session_id = begin(api)
    for message in STORY[:3]:
        say(api, session_id, message)
    for n in range(500):
        turn = say(api, session_id, ("actually formal", "actually friendly")[n % 2])
    assert turn["changed"]["tone"] == ["formal", "friendly"]
    assert api.get(f"/sessions/{session_id}/status")["turn"] == 503
    common = [tool["name"] for tool in api.get("/tools?origin=catalogue&limit=40")["items"]]
    tools = (own + common)[:100]
    edited = api.patch(f"/sessions/{session_id}/fields", {"fields": {"use_tools": True, "tools": tools}})
    assert edited["collected_fields"]["tools"]["value"] == tools
    say(api, session_id, "actually formal")
    assert api.post(f"/sessions/{session_id}/undo")["changed"]["tone"] == ["formal", "friendly"]
    assert len(api.get(f"/sessions/{session_id}/outputs")["tools_config"]) == 100
    assert api.get(f"/sessions/{session_id}/export?format=langgraph")["runnable"]["placeholders"]


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    with starter(partial(settings_for, database, home, server, GLIA_DESIGN_MODEL=MODEL), queue, home) as started:
        yield started


def reads_tone(request: ModelRequest) -> dict[str, Any]:
    return {"changes": [{"op": "set", "field": "tone", "value": "formal", "quote": "formal"}]}


def test_a_model_reads_messages_and_the_rules_stand_in_when_it_fails(start: Start) -> None:
    """Its claims are verified; a failing model costs nothing but the words that say so."""
    script: list[Step] = [AnswerJson(reads_tone), HttpError(500, "server_error")]
    glia = start(script)
    session_id = begin(glia.api)
    turn = say(glia.api, session_id, "make it formal")
    assert (turn["extraction_source"], turn["collected_fields"]["tone"]["source"]) == ("llm", "llm")
    turn = say(glia.api, session_id, "I want a customer support agent")
    assert (turn["extraction_source"], turn["failure_class"]) == ("rules", "server")
    assert turn["collected_fields"]["agent_type"]["source"] == "rules"


def test_models_are_listed_with_whether_they_answer(start: Start, api: Api) -> None:
    """Without any, the list is empty; with one, its endpoint is asked for names, and no model is called."""
    assert api.get("/models") == {"items": [], "names": []}
    glia = start([], OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    [model] = glia.api.get("/models")["items"]
    assert (model["use"], model["model"], model["is_reachable"], model["failure_class"]) == (
        "design", MODEL, False, "network",
    )  # fmt: skip
