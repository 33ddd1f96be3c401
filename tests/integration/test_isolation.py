"""Invariant 1: no request of one user reads or changes another's row, by API, by store or by raw SQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from chalicelib.api import endpoints
from local.roles import DatabaseUrls
from tests.support.api import Api


@pytest.fixture
def victim(api: Api) -> dict[str, Any]:
    """Somebody with one of everything: the ids a stranger might get hold of."""
    said = api.say("I decided to go with Postgres for the new service.")
    topic_id = said["topic_id"]
    job_id = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    api.work()
    batch = api.post("/reextractions", {"filter": {"all": True}, "preview": True}, 202)
    api.work()
    elsewhere = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    operation = api.post(f"/topics/{elsewhere}/merge", {"into_topic_id": topic_id}, 201)
    tool = {"name": "mine", "title": "Mine", "description": "x", "parameters": {"type": "object"}, "effects": ["read"]}
    return {
        "session_id": api.post("/sessions/create", {}, 201)["session_id"],
        "tool_id": api.post("/tools", {"tool": tool}, 201)["items"][0]["tool_id"],
        "artifact_id": api.post("/artifacts", {"media_type": "text/plain", "bytes": 5}, 201)["artifact_id"],
        "turn_id": said["turn_id"],
        "message_id": said["message_id"],
        "topic_id": topic_id,
        "operation_id": operation["operation_id"],
        "card_id": api.get(f"/topics/{topic_id}/cards")["items"][0]["card_id"],
        "run_id": api.get("/extract-runs")["items"][0]["run_id"],
        "job_id": job_id,
        "batch_id": batch["batch_id"],
        "conversation_id": api.get("/conversation")["conversation_id"],
        "key_id": api.post("/api-keys", {"name": "mine"}, 201)["key_id"],
    }


def state_of(api: Api, victim: dict[str, Any]) -> list[Any]:
    topic = f"/topics/{victim['topic_id']}"
    paths = [
        "/conversation",
        "/conversation/messages",
        topic,
        f"{topic}/cards",
        f"{topic}/story",
        f"{topic}/story/versions",
        "/extract-runs",
        "/api-keys",
        "/topic-operations",
        "/reextractions",
        f"/reextractions/{victim['batch_id']}/items",
        "/jobs",
    ]
    return [api.get(path) for path in paths]


def test_invariant_1_another_users_ids_are_404_on_every_route(api: Api, victim: dict[str, Any]) -> None:
    """Every route that takes an id, with somebody else's: 404, as for an id nobody has, and nothing changes."""
    stranger = api.another()
    stranger.chat("I live here too.")
    before = state_of(api, victim)
    bodies = {
        "/messages/{message_id}": {"topic_id": victim["topic_id"]},
        "/topics/{topic_id}": {"title": "Mine now"},
        "/topics/{topic_id}/merge": {"into_topic_id": victim["topic_id"]},
        "/topics/{topic_id}/split": {"message_id": victim["message_id"]},
        "/topics/{topic_id}/messages": {"message_ids": [victim["message_id"]]},
        "/cards/{card_id}": {"title": "Mine now"},
        "/sessions/{session_id}/message": {"message": "hi"},
        "/sessions/{session_id}/reopen": {"stage": "tone"},
        "/sessions/{session_id}/fields": {"fields": {"tone": "formal"}},
        "/tools/{tool_id}": {"tool": {"title": "Mine now"}},
    }
    tried = 0
    for endpoint in endpoints():
        if "{" not in endpoint.path or endpoint.is_open:
            continue
        body = bodies.get(endpoint.path) if endpoint.body else None
        foreign = stranger.request(endpoint.method, endpoint.path.format(**victim), body)
        nobodys = {name: uuid4() for name in victim} | {"message_id": 10**15, "conversation_id": f"conv_{uuid4()}"}
        unknown = stranger.request(endpoint.method, endpoint.path.format(**nobodys), body)
        assert foreign.status_code == unknown.status_code == 404, (endpoint.method, endpoint.path)
        assert foreign.json_body["error"]["code"] == unknown.json_body["error"]["code"]
        tried += 1
    assert tried >= 29
    assert state_of(api, victim) == before


def test_invariant_1_another_users_topic_is_not_there_in_bodies_and_queries(api: Api, victim: dict[str, Any]) -> None:
    """An explicit topic_id must be one's own, wherever it stands."""
    stranger = api.another()
    mine = stranger.chat("I live here too.")
    topic_id = victim["topic_id"]
    stranger.post("/chat", {"message": "let me in", "topic_id": topic_id}, 404)
    stranger.patch(f"/messages/{mine['message_id']}", {"topic_id": topic_id}, 404)
    stranger.get(f"/conversation/messages?topic_id={topic_id}", 404)
    stranger.post(f"/topics/{mine['topic_id']}/merge", {"into_topic_id": topic_id}, 404)
    stranger.post(f"/topics/{mine['topic_id']}/split", {"message_id": victim["message_id"]}, 404)
    both = {"message_ids": [mine["message_id"], victim["message_id"]]}
    stranger.post(f"/topics/{mine['topic_id']}/messages", both, 404)
    assert stranger.get(f"/extract-runs?topic_id={topic_id}")["items"] == []
    assert stranger.get(f"/topic-operations?topic_id={topic_id}")["items"] == []
    stranger.post("/reextractions", {"filter": {"topics": [topic_id]}}, 404)
    assert len(stranger.get("/conversation/messages")["items"]) == 1


def test_invariant_1_cursors_and_keys_carry_no_rights(api: Api, victim: dict[str, Any]) -> None:
    """A cursor of somebody else shows one's own rows only; an idempotency key is each user's own."""
    for _ in range(2):
        api.chat("more")
    cursor = api.get("/conversation/messages?limit=1")["next_cursor"]
    stranger = api.another()
    assert stranger.get(f"/conversation/messages?cursor={cursor}")["items"] == []
    first = api.post("/topics", {"title": "A"}, 201, **{"Idempotency-Key": "same"})
    second = stranger.post("/topics", {"title": "A"}, 201, **{"Idempotency-Key": "same"})
    assert first["topic_id"] != second["topic_id"]


TABLES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id') AS has_user
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT LIKE '%yoyo%'
"""


def test_invariant_1_every_table_has_forced_row_level_security(database: DatabaseUrls) -> None:
    """No user-scoped table without it, now or later."""
    with psycopg.connect(database.owner) as connection:
        tables = connection.execute(TABLES).fetchall()
    assert len(tables) >= 15
    assert [name for name, enabled, forced, has_user in tables if not (enabled and forced and has_user)] == []


def test_invariant_1_raw_sql_as_the_application_sees_one_user_only(
    api: Api, victim: dict[str, Any], database: DatabaseUrls
) -> None:
    """As glia_app, whatever is typed: no row of others without their id set, and none can be written for them."""
    stranger, owner = api.another().user_id, api.user_id
    with psycopg.connect(database.owner) as connection:
        names = [row[0] for row in connection.execute(TABLES).fetchall()]
    with psycopg.connect(database.app, autocommit=True) as connection:
        for user in ("", str(stranger)):
            for table in names:
                with connection.transaction():
                    connection.execute("SELECT set_config('glia.user_id', %s, true)", (user,))
                    sql = f'SELECT count(*) FROM "{table}" WHERE user_id <> %s'
                    seen = connection.execute(sql, (stranger,)).fetchone()
                assert seen == (0,), (table, user)
        with connection.transaction():
            connection.execute("SELECT set_config('glia.user_id', %s, true)", (str(stranger),))
            changed = connection.execute("UPDATE topics SET title = 'x' WHERE user_id = %s", (owner,)).rowcount
        assert changed == 0


def attempts(victim: dict[str, Any], owner: UUID, stranger: UUID) -> list[tuple[str, tuple[Any, ...]]]:
    conversation = f"conv_{stranger}"
    message = (
        "INSERT INTO messages (user_id, conversation_id, topic_id, role, content) VALUES (%s, %s, %s, 'user', 'x')"
    )
    topic = "INSERT INTO topics (topic_id, user_id, conversation_id) VALUES (%s, %s, %s)"
    return [
        (message, (owner, f"conv_{owner}", victim["topic_id"])),
        (message, (stranger, conversation, victim["topic_id"])),
        (topic, (uuid4(), stranger, f"conv_{owner}")),
        (
            "INSERT INTO turns (turn_id, user_id, topic_id, request_id) VALUES (%s, %s, %s, 'x')",
            (uuid4(), stranger, victim["topic_id"]),
        ),
        (
            "INSERT INTO topic_windows"
            " (topic_id, window_no, user_id, start_id, end_id, message_count, hash, chain, total)"
            " VALUES (%s, 99, %s, 1, 2, 2, 'x', 'x', 2)",
            (victim["topic_id"], stranger),
        ),
        (
            "INSERT INTO stories (topic_id, version, user_id, paragraphs, message_ids, source_hash, cards_count,"
            " intended, provider, fallback_used, attempts, cause, job_id, request_id)"
            " VALUES (%s, 99, %s, '[]', '{}', 'x', 1, 'x', 'x', false, '[]', 'x', %s, 'x')",
            (victim["topic_id"], stranger, uuid4()),
        ),
        (
            "INSERT INTO card_citations"
            " (card_id, position, user_id, message_id, start_offset, end_offset, quote_sha256)"
            " VALUES (%s, 9, %s, %s, 0, 1, 'x')",
            (victim["card_id"], stranger, victim["message_id"]),
        ),
        ("UPDATE conversations SET active_topic_id = %s WHERE user_id = %s", (victim["topic_id"], stranger)),
        ("UPDATE messages SET topic_id = %s WHERE user_id = %s", (victim["topic_id"], stranger)),
        (
            "UPDATE topics SET status = 'archived', merged_into = %s WHERE user_id = %s",
            (victim["topic_id"], stranger),
        ),
        (
            "INSERT INTO topic_operations"
            " (operation_id, user_id, kind, to_topic_id, message_count, was_active, to_status, request_id)"
            " VALUES (%s, %s, 'move', %s, 0, false, 'active', 'x')",
            (uuid4(), stranger, victim["topic_id"]),
        ),
        (
            "INSERT INTO topic_corrections"
            " (correction_id, user_id, message_id, from_topic_id, to_topic_id, operation_id)"
            " SELECT %s, user_id, user_message_id, topic_id, topic_id, %s FROM turns WHERE user_id = %s",
            (uuid4(), victim["operation_id"], stranger),
        ),
        (
            "INSERT INTO reextraction_items (batch_id, user_id, topic_id)"
            " SELECT %s, user_id, topic_id FROM topics WHERE user_id = %s",
            (victim["batch_id"], stranger),
        ),
        (
            "INSERT INTO reextraction_batches (batch_id, user_id, filter, is_preview, extractor, request_id)"
            " VALUES (%s, %s, '{}', false, 'x', 'x')",
            (uuid4(), owner),
        ),
    ]


def test_invariant_1_nobody_is_reached_by_a_foreign_key(
    api: Api, victim: dict[str, Any], database: DatabaseUrls
) -> None:
    """Foreign keys bypass row-level security; these include the user, so nothing can be hung onto another's row."""
    other = api.another()
    other.chat("I live here too.")
    refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ForeignKeyViolation)
    tried = attempts(victim, api.user_id, other.user_id)
    with psycopg.connect(database.app) as connection:
        for sql, values in tried:
            connection.execute("SELECT set_config('glia.user_id', %s, true)", (str(other.user_id),))
            with pytest.raises(refusals):
                connection.execute(sql, values)
            connection.rollback()
    assert len(tried) == 14


def test_invariant_1_the_system_role_sees_no_content(database: DatabaseUrls) -> None:
    """Sweeps look at jobs; messages, cards and results are closed to them."""
    with psycopg.connect(database.system, autocommit=True) as connection:
        for column in ("content FROM messages", "body FROM cards", "result FROM jobs", "data FROM turn_events"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT {column}")
