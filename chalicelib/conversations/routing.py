"""Routing v0: which topic a message belongs to. Pure, deterministic, and recorded with the signals it saw.

A strong switch signal is a phrase of the list below at the very start of a message. It counts when punctuation, a line
break or the end follows it, so that "another thing is that …" goes on with its topic; phrases marked OPEN count before
a space too, since nobody goes on with a topic by saying them.
"""

from __future__ import annotations

import re
from uuid import UUID

from chalicelib.conversations.models import Decision

POLICY = "v0"
SIGNALS_VERSION = "en-1"

# Reviewed list. Lower case, plain apostrophes, single spaces.
CLOSED = (
    "switch topic", "switch topics", "switching topic", "switching topics", "switch the topic", "let's switch topics",
    "change topic", "change topics", "changing topic", "changing topics", "change the topic", "change of topic",
    "let's change the topic", "change the subject", "changing the subject", "change of subject",
    "let's change the subject", "new topic", "next topic", "another topic", "different topic", "new subject",
    "another subject", "different subject", "another thing", "one other thing", "a separate thing", "something else",
    "something completely different", "something different", "on to something else", "different question",
    "unrelated question", "totally different question", "completely different question", "unrelated",
    "completely unrelated", "totally unrelated", "unrelatedly", "moving on", "let's move on",
    "let's talk about something else",
)  # fmt: skip
OPEN = (
    "on a different note", "on another note", "on a separate note", "on an unrelated note", "switching gears",
    "on a totally different note", "on a completely different note", "let's switch gears",
    "let's talk about something else entirely",
)  # fmt: skip


def _pattern() -> re.Pattern[str]:
    def alternatives(phrases: tuple[str, ...]) -> str:
        return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))

    boundary = r"(?=\s*(?:$|[.,:;!?…—–\r\n]|-(?:\s|$)|-{2}))"
    return re.compile(rf"(?:({alternatives(OPEN)})(?![\w'-])|({alternatives(CLOSED)}){boundary})")


_SWITCH = _pattern()
_OPENING = 120  # code points looked at: longer than any phrase


def switch_signal(content: str) -> str | None:
    """The switch phrase a message starts with, or None."""
    opening = content.lstrip()[:_OPENING].casefold().replace("’", "'")
    opening = re.sub(r"[ \t\u00a0]+", " ", opening)
    match = _SWITCH.match(opening)
    return match.group(0) if match else None


def route(content: str, explicit_topic_id: UUID | None, active_topic_id: UUID | None) -> Decision:
    """Decides where a message goes. An explicit topic always wins."""
    signals = {"signals_version": SIGNALS_VERSION, "switch_phrase": switch_signal(content)}
    if explicit_topic_id is not None:
        return Decision("explicit_topic", POLICY, explicit_topic_id, signals)
    if active_topic_id is None:
        return Decision("no_active_topic", POLICY, None, signals)
    if signals["switch_phrase"] is not None:
        return Decision("switch_signal", POLICY, None, signals)
    return Decision("active_topic", POLICY, active_topic_id, signals)
