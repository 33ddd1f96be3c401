"""Topics to extract again, for tests of batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
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


SHOWN = "SELECT result_id FROM shown_windows WHERE user_id = %s AND (cardinality(%s::uuid[]) = 0 OR topic_id = ANY(%s))"
AS_OLD = (
    f"""INSERT INTO window_results (result_id, user_id, window_hash, extractor, message_ids, dropped)
        SELECT md5(result_id::text)::uuid, user_id, window_hash, '{OLD}', message_ids, dropped
        FROM window_results WHERE result_id IN ({SHOWN})""",
    f"""INSERT INTO window_drafts SELECT md5(result_id::text)::uuid, position, user_id, key, kind, title, body,
        confidence, citations FROM window_drafts WHERE result_id IN ({SHOWN})""",
    f"""UPDATE shown_windows SET intended = '{OLD}', result_id = md5(result_id::text)::uuid
        WHERE result_id IN ({SHOWN})""",
)


def make_old(superuser: Change, api: Api, *topics: str) -> None:
    """Makes it look as if older rules had extracted the user's topics (or these), and nothing else were known."""
    mine = [UUID(topic_id) for topic_id in topics]
    for sql in AS_OLD:
        superuser(sql, api.user_id, mine, mine)
    superuser(
        "DELETE FROM window_results r WHERE user_id = %s AND extractor <> %s AND EXISTS (SELECT FROM window_results o"
        " WHERE o.user_id = r.user_id AND o.window_hash = r.window_hash AND o.extractor = %s)", api.user_id, OLD, OLD
    )  # fmt: skip


def start(api: Api, asked: dict[str, Any], status: int = 202, **more: Any) -> Any:
    return api.post("/reextractions", {"filter": asked, **more}, status)


def progress(api: Api, batch_id: str) -> dict[str, int]:
    """Without what is nothing."""
    told: dict[str, int] = api.get(f"/reextractions/{batch_id}")["progress"]
    return {status: count for status, count in told.items() if count}


def items(api: Api, batch_id: str) -> dict[str, Any]:
    """All items by topic."""
    found: dict[str, Any] = {}
    cursor = ""
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
