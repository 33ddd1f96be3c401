"""Kills all of Glia in the middle of 50 turns, starts it again, and counts what has become of them.

    python scripts/crash_recovery.py [--turns 50]

Prints what it saw; exits 0 if every turn ended, with one answer each, and every extraction was done.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.running import Run, token

PATIENCE = 120.0
POLL = 0.2


@contextmanager
def told(home: Path) -> Iterator[None]:
    """Where anything fails, prints what Glia itself had to say: its log goes with the folder."""
    try:
        yield
    except BaseException:
        log = home / "up.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        print("\n".join(line for line in lines if '"level":"INFO"' not in line)[-4000:])
        raise


def client(url: str, home: Path) -> httpx.Client:
    limits = httpx.Limits(max_connections=8)
    headers = {"Authorization": f"Bearer {token(home, 'crash-test')}"}
    return httpx.Client(base_url=url, headers=headers, timeout=30, limits=limits, trust_env=False)


def post_turns(http: httpx.Client, turns: int) -> list[dict[str, Any]]:
    def post(number: int) -> dict[str, Any]:
        words = f"I decided on plan {number} for the garden. Do we need permit {number}?"
        answer = http.post("/chat", json={"message": words, "client_message_id": f"crash-{number}"})
        return dict(answer.raise_for_status().json())

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(post, range(turns)))


def states(http: httpx.Client, accepted: list[dict[str, Any]]) -> Counter[str]:
    return Counter(http.get(f"/turns/{turn['turn_id']}").raise_for_status().json()["status"] for turn in accepted)


def wait_for(what: str, holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"FAILED: {what} after {PATIENCE:.0f} s")
        time.sleep(POLL)


def is_extracted(http: httpx.Client, topic_id: str, end_id: int) -> bool:
    runs = http.get(f"/extract-runs?topic_id={topic_id}&limit=200").raise_for_status().json()["items"]
    return any(run["status"] == "finished" and run["messages_range_end_id"] == end_id for run in runs)


def check(http: httpx.Client, accepted: list[dict[str, Any]]) -> list[str]:
    """What is wrong; nothing, if all is well."""
    messages = http.get("/conversation/messages?limit=200").raise_for_status().json()["items"]
    roles = Counter(message["role"] for message in messages)
    turns = [http.get(f"/turns/{turn['turn_id']}").json() for turn in accepted]
    answers = {turn["assistant_message_id"] for turn in turns}
    print(f"messages: {roles['user']} of the user, {roles['assistant']} answers")
    wrong = []
    if roles != Counter(user=len(accepted), assistant=len(accepted)):
        wrong.append(f"messages lost or doubled: {dict(roles)}")
    if answers != {m["message_id"] for m in messages if m["role"] == "assistant"}:
        wrong.append("an answer belongs to no turn, or a turn has none")
    topic_id, end_id = accepted[0]["topic_id"], messages[-1]["message_id"]
    wait_for("extraction is not done", lambda: is_extracted(http, topic_id, end_id))
    hashes = [r["source_hash"] for r in http.get(f"/extract-runs?topic_id={topic_id}&limit=200").json()["items"]]
    cards = http.get(f"/topics/{topic_id}/cards?limit=200").json()["items"]
    cited = {citation["message_id"] for card in cards for citation in card["citations"]}
    print(f"cards: {len(cards)}, resting on {len(cited)} messages; runs: {len(hashes)}")
    if len(hashes) != len(set(hashes)):
        wrong.append("one source was extracted into two runs")
    if len(cited) != len(accepted):
        wrong.append("the decisions of some messages are in no card")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=50)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory(prefix="glia-crash-", ignore_cleanup_errors=True) as folder, told(Path(folder)):
        home = Path(folder)
        first = Run(home)
        with client(first.url, home) as http:
            accepted = post_turns(http, turns)
            wait_for("no turn ended", lambda: states(http, accepted)["completed"] >= turns // 5)
            print(f"before the kill: {dict(states(http, accepted))}")
        print(f"killed {first.kill()} processes")
        second = Run(home)
        try:
            with client(second.url, home) as http:
                wait_for("turns have not ended", lambda: states(http, accepted)["completed"] == turns)
                print(f"after the restart: {dict(states(http, accepted))}")
                wrong = check(http, accepted)
        finally:
            second.stop()
    for line in wrong:
        print(f"FAILED: {line}")
    print("crash recovery: " + ("FAILED" if wrong else "ok"))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
