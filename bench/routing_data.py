"""Labelled talk to train and to judge routing on. Every utterance but the first is a candidate for a new topic.

TIAGE (Xie et al., "TIAGE: A Benchmark for Topic-Shift Aware Dialog Modeling", Findings of EMNLP 2021): chat, an
utterance labelled 1 where it turns to another topic. QMSum (Zhong et al., NAACL 2021): meetings; a topic begins where
its span does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FOLDER = Path("../shared/data/topics")
TRAIN, DEV, MEETINGS = "tiage_anno_train.json", "tiage_anno_dev.json", "qmsum_ALL_val.jsonl"


@dataclass(frozen=True)
class Talk:
    """`opens[i]` says whether utterance i opens a topic; that of the first is False: it cannot do otherwise."""

    texts: list[str]
    opens: list[bool]


def folder() -> Path:
    """The data folder named on the command line."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER


def chats(path: Path) -> list[Talk]:
    dialogues = json.loads(path.read_text(encoding="utf-8")).values()
    return [Talk([text for text, _ in turns], [label == "1" for _, label in turns]) for turns in dialogues]


def meetings(path: Path) -> list[Talk]:
    return [_meeting(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _meeting(line: str) -> Talk:
    record = json.loads(line)
    texts = [turn["content"] for turn in record["meeting_transcripts"]]
    starts = {int(span[0]) for topic in record["topic_list"] for span in topic["relevant_text_span"]}
    return Talk(texts, [index > 0 and index in starts for index in range(len(texts))])


def masses(opens: Sequence[bool]) -> tuple[int, ...]:
    """How many utterances each topic has: the form segeval takes."""
    sizes = [1]
    for opened in opens[1:]:
        if opened:
            sizes.append(1)
        else:
            sizes[-1] += 1
    return tuple(sizes)


def never(talk: Talk) -> list[bool]:
    return [False] * len(talk.texts)
