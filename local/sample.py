"""A small conversation for an empty database, and what came of it: the first thing a newcomer sees."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings

SUBJECT = "alice"
PATIENCE = 60.0  # seconds for all background work of the sample
POLL = 0.1
MESSAGES = (
    "I am planning a small community garden behind the library. I decided to start with eight raised beds in spring.",
    "The plot gets about five hours of sun a day. Do we need a permit for a water connection?",
    "Please remind me to email the library director by Friday. I prefer native plants wherever they will grow.",
    "On a different note, the newsletter needs a new layout. I realised that most people read it on their phones.",
    "Let's go with one column and larger type. Who can take the photographs?",
)


def load(url: str) -> str:
    """Loads the sample for the user `alice` if she has said nothing yet, and describes what there is.

    Args:
        url: where Glia is up. The development issuer's settings are read from the environment.

    Returns:
        Lines for the terminal: topics, cards with their quotes, runs, a token and a ready curl.
    """
    token = dev_issuer.issue(Settings.from_env(os.environ), Path(os.environ["GLIA_HOME"]), SUBJECT)
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as client:
        is_new = not _get(client, "/topics")["items"]
        if is_new:
            _converse(client)
        return "\n".join([*_described(client, is_new), *_invitation(url, token)])


def _converse(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    for number, message in enumerate(MESSAGES):
        body = {"message": message, "client_message_id": f"sample-{number}"}
        answer = client.post("/chat", json=body).raise_for_status().json()
        _wait(client, f"/turns/{answer['turn_id']}", ("completed", "failed"), deadline)
    for topic in _get(client, "/topics")["items"]:
        job = client.post(f"/topics/{topic['topic_id']}/extract").raise_for_status().json()
        _wait(client, f"/jobs/{job['job_id']}", ("done", "dead"), deadline)


def _wait(client: httpx.Client, path: str, ends: tuple[str, ...], deadline: float) -> None:
    while _get(client, path)["status"] not in ends and time.monotonic() < deadline:
        time.sleep(POLL)


def _get(client: httpx.Client, path: str) -> Any:
    return client.get(path).raise_for_status().json()


def _described(client: httpx.Client, is_new: bool) -> Iterator[str]:
    topics = _get(client, "/topics")["items"]
    yield f"\nA sample conversation was loaded for the user {SUBJECT}:" if is_new else f"\nTopics of {SUBJECT}:"
    for topic in reversed(topics):
        yield f"\n  {topic['title']}  ({topic['message_count']} messages)"
        if is_new:
            yield from _cards(client, topic["topic_id"])
    runs = _get(client, "/extract-runs?status=finished&limit=200")["items"]
    providers = ", ".join(sorted({run["provider"] for run in runs})) or "nobody"
    yield f"\n  {len(runs)} extract runs finished, by {providers}"


def _cards(client: httpx.Client, topic_id: str) -> Iterator[str]:
    for card in _get(client, f"/topics/{topic_id}/cards")["items"]:
        yield f"    {card['kind']:<11}{card['title']}"
        for citation in card["citations"]:
            place = f"message {citation['message_id']}, {citation['start']}–{citation['end']}"
            yield f"               “{citation['quote']}”  {place}"


def _invitation(url: str, token: str) -> Iterator[str]:
    yield f"\nA token for {SUBJECT}, good for 30 days (another: make token SUB=bob):\n\n  export GLIA_URL={url}"
    yield f"  export GLIA_TOKEN={token}\n"
    yield "Try it:\n"
    yield (
        f'  curl -s {url}/chat -H "Authorization: Bearer $GLIA_TOKEN" -H "Content-Type: application/json" \\\n'
        '    -d \'{"message": "I decided to plant tomatoes in the first bed."}\''
    )
    yield f"\n  the API as pages: {url}/docs and {url}/redoc\n"
