"""The floor that `http_throughput.py` measures against: FastAPI and psycopg, the same SQL, one user, no identity.

Run by `uvicorn bench.fastapi_peer:app`; reads DATABASE_URL, PEER_USER and PEER_TOPIC.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from uuid import UUID

import psycopg
from fastapi import FastAPI
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from bench.chat_latency import SET_USER
from chalicelib.adapters.clock import new_id
from chalicelib.cards import store as cards
from chalicelib.conversations import store

USER, TOPIC = UUID(os.environ["PEER_USER"]), UUID(os.environ["PEER_TOPIC"])
app = FastAPI()
local = threading.local()


class Chat(BaseModel):
    message: str


def connection() -> psycopg.Connection[Any]:
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(os.environ["DATABASE_URL"], row_factory=namedtuple_row, prepare_threshold=3)
    connected: psycopg.Connection[Any] = local.connection
    connected.execute(SET_USER, (str(USER), "15000"))
    return connected


@app.post("/chat", status_code=202)
def post_chat(body: Chat) -> dict[str, Any]:
    tx = connection()
    tx.execute(store.LOCK, (USER,)).fetchone()
    turn, job = new_id(), new_id()
    values = {
        "user": USER, "conversation": f"conv_{USER}", "topic": TOPIC, "content": body.message,
        "client_message_id": None, "policy": "v0", "rule": "active_topic", "signals": Jsonb({}),
        "from_topic": TOPIC, "turn": turn, "trace_run": new_id(), "request_id": str(job), "job": job,
    }  # fmt: skip
    row = tx.execute(store.RECORD_TURN, values).fetchone()
    tx.commit()
    assert row is not None
    return {"turn_id": turn, "message_id": row.message_id, "topic_id": TOPIC}


@app.get("/messages")
def get_messages() -> dict[str, Any]:
    tx = connection()
    tx.execute(store.GET_TOPIC, {"opening": 200, "topic": TOPIC, "user": USER}).fetchone()
    rows = tx.execute(store.LIST_MESSAGES, {"user": USER, "topic": TOPIC, "after": 0, "limit": 51}).fetchall()
    tx.commit()
    return {"items": [row._asdict() for row in rows[:50]]}


@app.get("/cards")
def get_cards() -> dict[str, Any]:
    tx = connection()
    tx.execute("SELECT EXISTS (SELECT FROM topics WHERE topic_id = %s AND user_id = %s) AS found", (TOPIC, USER))
    values = {
        "topic": TOPIC, "user": USER, "kind": None, "statuses": ["active", "superseded"], "message": 0, "offset": -1,
        "card": "", "limit": 51,
    }  # fmt: skip
    rows = tx.execute(cards.LIST_OF_TOPIC, values).fetchall()
    tx.commit()
    return {"items": [_shown(row) for row in rows[:50]]}


def _shown(row: Any) -> dict[str, Any]:
    """A row as JSON can hold it: bytes as hex."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row._asdict().items()}
