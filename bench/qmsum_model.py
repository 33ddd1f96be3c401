"""The figures of `qmsum_rules` for cards by a model, to try the path: the model is a scripted server on loopback.

    PYTHONPATH=. python bench/qmsum_model.py [path/to/qmsum_ALL_val.jsonl] [--meetings 5]

The script answers each request with a card for every eighth message it is shown, quoting its longest sentence, and now
and then with words that nobody said, which must be dropped. Everything else is real: requests over HTTP, the schema,
the checking of every quote, windows and their combination.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bench.qmsum_rules import DEFAULT_PATH, Meeting, cited_places, compare, describe, load
from bench.support import Targets, clean_environment, parse
from chalicelib.cards.extractors import ModelExtractor, RulesExtractor
from chalicelib.cards.models import DraftCard
from chalicelib.cards.rules import combine
from chalicelib.cards.rules_text import segments
from chalicelib.cards.windows import split
from chalicelib.llm.client import ModelClient
from chalicelib.llm.failures import retrying
from chalicelib.settings import Settings
from tests.support.model_server import AnswerJson, ModelRequest, ModelServer

ROLES = frozenset({"user"})
EVERY, INVENTED = 8, 10


def answer(request: ModelRequest) -> dict[str, Any]:
    cards = []
    for number, shown in enumerate(request.shown):
        spans = [(cut.end - cut.start, cut.start, cut.end) for cut in segments(shown.content)]
        if number % EVERY or not spans:
            continue
        _, start, end = max(spans)
        quote = shown.content[start:end] if number % INVENTED else "Words that nobody has ever said."
        cards.append(
            {
                "kind": "fact", "title": quote[:60], "body": quote, "confidence": 0.8,
                "evidence": [{"message_id": shown.message_id, "quote": quote}],
            }
        )  # fmt: skip
    return {"cards": cards}


def extract(extractor: ModelExtractor, meeting: Meeting) -> tuple[list[DraftCard], int, int]:
    """The meeting's cards, how many were dropped, and in how many windows the rules had to stand in."""
    found = list(extractor.extract(split(meeting.messages)))
    return (
        combine(result.drafts for result in found),
        sum(result.dropped for result in found),
        sum(result.failure_class is not None for result in found),
    )


def main() -> None:
    args = parse(
        __doc__,
        ("path", {"nargs": "?", "type": Path, "default": DEFAULT_PATH}),
        ("--meetings", {"type": int, "default": 5, "help": "how many (default: 5)"}),
    )
    clean_environment()
    meetings = list(load(args.path))[: args.meetings]
    requests = sum(len(split(meeting.messages)) for meeting in meetings) * 4
    with ModelServer([AnswerJson(answer)] * requests) as server:
        settings = Settings.from_env({"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "scripted"})
        rules = RulesExtractor(ROLES, time.monotonic)
        client = ModelClient(settings, "scripted-1")
        extractor = ModelExtractor(
            client, rules, lambda: retrying(3, time.sleep), ROLES, time.monotonic, settings.context_tokens
        )
        made = [(meeting, *extract(extractor, meeting)) for meeting in meetings]
        print(f"requests {len(server.requests)}")
    describe([(meeting, cards) for meeting, cards, _, _ in made])
    compare([(meeting, cited_places(cards)) for meeting, cards, _, _ in made])
    dropped, fallen = sum(one[2] for one in made), sum(one[3] for one in made)
    print(f"cards with invented quotes dropped {dropped}, windows left to the rules {fallen}")
    targets = Targets()
    targets.check("invented quotes are dropped", dropped > 0)
    targets.check("no window is left to the rules", fallen == 0)
    targets.exit()


if __name__ == "__main__":
    main()
