"""Topics to extract again, for tests of batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.api import Api

Change = Callable[..., None]
OLD = "rules///rules-1"


def make_topics(api: Api, count: int, name: str = "diary", *, work: bool = True) -> list[str]:
    """Imports topics with a decision each, and has them extracted. Returns their ids, sorted."""
    messages = [
        {"key": f"{n}", "role": "user", "content": f"I decided to paint room {n} blue.", "topic": f"{name} {n}"}
        for n in range(count)
    ]
    found = []
    for first in range(0, count, 500):
        found += api.post("/imports", {"source": name, "messages": messages[first : first + 500]})["topic_ids"]
    if work:
        api.work()
    return sorted(found)


def make_old(superuser: Change, api: Api, *topics: str) -> None:
    """Makes it look as if older rules had extracted the user's topics (or these), and nothing else were known."""
    mine = (api.user_id, list(topics), list(topics))
    chosen = "user_id = %s AND (cardinality(%s::uuid[]) = 0 OR topic_id = ANY(%s::uuid[]))"
    superuser(
        f"UPDATE window_results SET extractor = '{OLD}' WHERE result_id IN"
        f" (SELECT result_id FROM shown_windows WHERE {chosen})", *mine
    )  # fmt: skip
    superuser(f"UPDATE shown_windows SET intended = '{OLD}' WHERE {chosen}", *mine)


def start(api: Api, asked: dict[str, Any], status: int = 202, **more: Any) -> Any:
    return api.post("/reextractions", {"filter": asked, **more}, status)


def progress(api: Api, batch_id: str) -> dict[str, int]:
    """Without what is nothing."""
    told: dict[str, int] = api.get(f"/reextractions/{batch_id}")["progress"]
    return {status: count for status, count in told.items() if count}


def items(api: Api, batch_id: str) -> dict[str, Any]:
    """All items by topic."""
    found, cursor = {}, ""
    while True:
        page = api.get(f"/reextractions/{batch_id}/items?limit=50{cursor}")
        found |= {item["topic_id"]: item for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def shown(api: Api, topic_id: str) -> list[tuple[str, str, str, int]]:
    """(card id, title, body, version) of a topic's cards."""
    found = api.get(f"/topics/{topic_id}/cards?limit=200")["items"]
    return [(card["card_id"], card["title"], card["body"], card["version"]) for card in found]
