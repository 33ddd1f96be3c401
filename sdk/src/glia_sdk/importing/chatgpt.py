"""ChatGPT's data export: `conversations.json`, or the .zip that has it inside.

A conversation is a tree, for every edited message and every answer asked for anew is a branch. The current branch is
followed, from `current_node` up to the root. Conversations come oldest first, whatever their order in the file.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from glia_sdk.importing.arrays import elements
from glia_sdk.importing.errors import NotImportable
from glia_sdk.importing.records import LONGEST_NAME, Entry, Skipped, as_key, as_name, entry, moment

MEMBER = re.compile(r"(.*/)?conversations(-\d+)?\.json")  # large exports are in several
UNTITLED = "Untitled"
SPOKEN = "audio_transcription"  # a part that is an object and holds text all the same
LATEST = 1e11  # seconds; what is beyond is no time
WRITTEN = ("text", "multimodal_text")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before its topic has a name; without text it is the reason why it is left out."""

    node_id: str
    role: str
    text: str | None
    reason: str
    created_at: str | None


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    created: float
    drafts: list[Draft]


def entries(path: Path) -> list[Entry]:
    """Everything in the export, oldest conversation first.

    Raises:
        NotImportable
    """
    read: list[Conversation] = []
    broken: list[Entry] = []
    with _readable():
        for number, found in enumerate(_conversations(path), start=1):
            one = _conversation(found)
            if isinstance(one, Conversation):
                read.append(one)
            else:
                broken.append(Skipped(f"conversation number {number}", one))
    read.sort(key=lambda one: (one.created, one.id))
    return broken + list(_named(read))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise NotImportable("the export is not UTF-8 text") from None
    except _UNREADABLE:
        raise NotImportable("the .zip is damaged, or locked with a password") from None


def _conversations(path: Path) -> Iterator[Any]:
    if not zipfile.is_zipfile(path):
        with _text(path.open("rb")) as text:
            yield from elements(text)
        return
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if MEMBER.fullmatch(name))
        if not members:
            raise NotImportable("there is no conversations.json in this .zip")
        for name in members:
            with _text(archive.open(name)) as text:
                yield from elements(text)


@contextmanager
def _text(file: Any) -> Iterator[TextIO]:
    with io.TextIOWrapper(file, encoding="utf-8-sig") as text:
        yield text


def _conversation(found: Any) -> Conversation | str:
    """One conversation of the array, or why it cannot be read."""
    if not isinstance(found, dict) or not isinstance(found.get("mapping"), dict):
        return "not_a_conversation"
    identity = found.get("conversation_id") or found.get("id")
    if not isinstance(identity, str):
        return "no_id"
    branch = _branch(found["mapping"], found.get("current_node"))
    if branch is None:
        return "no_current_branch"
    title = found.get("title")
    drafts = [draft for node_id, message in branch for draft in _drafts(node_id, message)]
    name = as_name(title) if isinstance(title, str) else ""
    return Conversation(identity, name or UNTITLED, _seconds(found.get("create_time")), drafts)


def _branch(mapping: dict[str, Any], node_id: Any) -> list[tuple[str, dict[str, Any]]] | None:
    """The messages from the root to a node, in order; None if the way is broken or goes in a circle."""
    found: list[tuple[str, dict[str, Any]]] = []
    seen: set[str] = set()
    while node_id is not None:
        node = mapping.get(node_id) if isinstance(node_id, str) and node_id not in seen else None
        if not isinstance(node, dict):
            return None
        seen.add(node_id)
        if isinstance(node.get("message"), dict):
            found.append((node_id, node["message"]))
        node_id = node.get("parent")
    return found[::-1] if seen else None


def _drafts(node_id: str, message: dict[str, Any]) -> Iterator[Draft]:
    """The message, if it has words, and one draft more for what in it is not text."""
    author, content = message.get("author"), message.get("content")
    role = author.get("role") if isinstance(author, dict) else None
    if reason := _left_out(role, message):
        yield Draft(node_id, "", None, reason, None)
        return
    if not isinstance(content, dict) or content.get("content_type") not in WRITTEN:
        yield Draft(node_id, "", None, "not_text", None)
        return
    given = content.get("parts")
    parts = given if isinstance(given, list) else []
    words = [words for part in parts if (words := _words(part)) is not None]
    if len(words) < len(parts):
        yield Draft(node_id, "", None, "not_text", None)
    if words or not parts:
        yield Draft(node_id, str(role), "\n".join(word for word in words if word), "", _moment(message))


def _left_out(role: Any, message: dict[str, Any]) -> str:
    """Why a message is no part of what was said; nothing if it is."""
    if role not in ("user", "assistant"):
        return role if role in ("system", "tool") else "role"
    if message.get("recipient") not in (None, "all"):  # the assistant speaks to a tool
        return "tool"
    return ""


def _words(part: Any) -> str | None:
    if isinstance(part, dict) and part.get("content_type") == SPOKEN:
        part = part.get("text")
    return part if isinstance(part, str) else None


def _moment(message: dict[str, Any]) -> str | None:
    """When it was written; a time that is none counts as absent."""
    seconds = _seconds(message.get("create_time"))
    try:
        return moment(seconds) if seconds else None
    except ValueError:
        return None


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < LATEST else 0.0


def _named(conversations: Iterable[Conversation]) -> Iterator[Entry]:
    """Entries with their topics. Of conversations with one title the oldest has it as it is, and each other one with
    a mark of its own: so a later export, with more conversations, names those of an earlier one alike."""
    owners: dict[str, str] = {}
    for one in conversations:
        topic = one.title
        if owners.setdefault(topic, one.id) != one.id:
            mark = f" ({hashlib.sha256(one.id.encode(errors='surrogatepass')).hexdigest()[:8]})"
            topic = topic[: LONGEST_NAME - len(mark)] + mark
        yield from (_entry(one, draft, topic) for draft in one.drafts)


def _entry(conversation: Conversation, draft: Draft, topic: str) -> Entry:
    place = f"conversation {as_name(conversation.id)}"
    if draft.text is None:
        return Skipped(place, draft.reason)
    key = as_key(f"{conversation.id}:{draft.node_id}")
    return entry(place, key, draft.role, draft.text, topic, draft.created_at)
