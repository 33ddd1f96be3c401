"""Reading exports: what of a file becomes a message, in which order, under which key, and what is skipped why."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from glia_sdk.importing import exports
from glia_sdk.importing.arrays import elements
from glia_sdk.importing.batches import batches
from glia_sdk.importing.errors import NotImportable
from glia_sdk.importing.exports import Export, Format
from glia_sdk.importing.records import MAX_BYTES, Message, Skipped

from tests.unit.sdk.exports import conversation, node

GOOD = '{"role": "user", "content": "Hello."}'


def lines(folder: Path, *given: str | bytes) -> Path:
    file = folder / "notes.jsonl"
    file.write_bytes(b"".join(line.encode() if isinstance(line, str) else line for line in given))
    return file


def chatgpt(folder: Path, *conversations: Any) -> Path:
    file = folder / "conversations.json"
    file.write_text(json.dumps(list(conversations)), encoding="utf-8")
    return file


def bodies(export: Export) -> list[dict[str, Any]]:
    return [one.body for one in export.entries if isinstance(one, Message)]


def skipped(export: Export) -> list[tuple[str, str]]:
    return [(one.place, one.reason) for one in export.entries if isinstance(one, Skipped)]


def test_lines_become_messages_in_their_order(tmp_path: Path) -> None:
    """Role, content, topic and time are taken over; the key is the id, and unknown fields are left aside."""
    full = {"id": 7, "role": "assistant", "content": " Hi 🙂\n", "topic": " Greetings ", "created_at": 1.5, "x": 1}
    file = lines(tmp_path, GOOD + "\r\n", "\n", json.dumps(full))
    first, second = bodies(exports.read(file))
    assert (first["role"], first["content"], set(first)) == ("user", "Hello.", {"key", "role", "content"})
    assert second == {
        "key": "7",
        "role": "assistant",
        "content": " Hi 🙂\n",
        "topic": "Greetings",
        "created_at": "1970-01-01T00:00:01.500000+00:00",
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not_json"),
        ("[" * 100_000, "not_json"),
        ("[1]", "not_an_object"),
        (b'{"role": "user", "content": "\xff"}', "not_utf8"),
        ('{"content": "x"}', "role"),
        ('{"role": "system", "content": "x"}', "role"),
        ('{"role": ["user"], "content": "x"}', "role"),
        ('{"role": "user"}', "content"),
        ('{"role": "user", "content": ["x"]}', "content"),
        ('{"role": "user", "content": " \\n"}', "blank"),
        ('{"role": "user", "content": "a\\u0000"}', "characters"),
        ('{"role": "user", "content": "a\\ud800"}', "characters"),
        ('{"role": "user", "content": "a", "id": {}}', "id"),
        ('{"role": "user", "content": "a", "id": "\\ud800"}', "id"),
        ('{"role": "user", "content": "a", "topic": 1}', "topic"),
        ('{"role": "user", "content": "a", "created_at": "yesterday"}', "time"),
        ('{"role": "user", "content": "a", "created_at": "2024-01-01T00:00:00"}', "time"),
        ('{"role": "user", "content": "a", "created_at": 1e300}', "time"),
        ('{"role": "user", "content": "a", "created_at": NaN}', "time"),
        ('{"role": "user", "content": "a", "created_at": true}', "time"),
        ('{"role": "user", "content": "a", "created_at": "0001-01-01T00:00:00+14:00"}', "time"),
        ('{"role": "user", "content": "%s"}' % ("a" * MAX_BYTES), "too_large"),
        ('{"role": "user", "content": "%s"}' % ("a" * 20_000_000), "too_large"),
    ],
)
def test_a_bad_line_is_skipped_with_its_number_and_the_rest_is_not(
    tmp_path: Path, line: str | bytes, reason: str
) -> None:
    """Whatever stands in a line, the lines around it are read."""
    file = lines(tmp_path, GOOD, "\n", line, "\n", GOOD)
    found = list(exports.read(file, Format.JSONL).entries)
    assert [type(one) for one in found] == [Message, Skipped, Message]
    assert found[1] == Skipped("line 2", reason)


def test_a_file_that_has_grown_keeps_its_source_and_its_keys(tmp_path: Path) -> None:
    """The lines of before are known again, even a last one that had no line break; another file has another source."""
    before = exports.read(lines(tmp_path, GOOD + "\n", GOOD))
    keys = [body["key"] for body in bodies(before)]
    after = exports.read(lines(tmp_path, GOOD + "\n", GOOD + "\n", GOOD + "\n"))
    assert [body["key"] for body in bodies(after)][:2] == keys
    assert len({body["key"] for body in bodies(exports.read(tmp_path / "notes.jsonl"))}) == 3
    assert after.source == before.source
    assert after.fingerprint != before.fingerprint
    other = exports.read(lines(tmp_path, '{"role": "user", "content": "Other."}'))
    assert other.source != before.source
    assert str(tmp_path) not in before.source


def test_only_the_current_branch_is_followed(tmp_path: Path) -> None:
    """Edited questions and answers asked for anew are left aside; order is from the root to the current node."""
    file = chatgpt(
        tmp_path,
        conversation(
            "c1",
            "a2",
            node("q1", "root", "user", "First."),
            node("a1", "q1", "assistant", "Old answer."),
            node("q2", "root", "user", "Edited.", at=1_700_000_000.123456),
            node("a2", "q2", "assistant", "New", "answer."),
        ),
    )
    export = exports.read(file)
    assert (export.format, export.source) == (Format.CHATGPT, "chatgpt")
    assert bodies(export) == [
        {
            "key": "c1:q2",
            "role": "user",
            "content": "Edited.",
            "topic": "Garden",
            "created_at": "2023-11-14T22:13:20.123456+00:00",
        },
        {"key": "c1:a2", "role": "assistant", "content": "New\nanswer.", "topic": "Garden"},
    ]


def test_what_is_no_text_of_a_person_or_the_assistant_is_skipped(tmp_path: Path) -> None:
    """System, tools, calls of tools, images and blanks are skipped with a reason; words beside an image are kept."""
    call = node("call", "tool", "assistant", "search()")
    call["message"]["recipient"] = "browser"
    code = node("code", "call", "assistant")
    code["message"]["content"] = {"content_type": "code", "text": "1"}
    spoken = {"content_type": "audio_transcription", "text": "Said aloud."}
    file = chatgpt(
        tmp_path,
        conversation(
            "c1",
            "blank",
            node("system", "root", "system", ""),
            node("tool", "system", "tool", "Found."),
            call,
            code,
            node("image", "code", "user", {"content_type": "image_asset_pointer"}),
            node("both", "image", "user", {"content_type": "image_asset_pointer"}, "Look!"),
            node("voice", "both", "user", spoken),
            node("blank", "voice", "assistant", ""),
        ),
    )
    export = exports.read(file)
    assert [body["content"] for body in bodies(export)] == ["Look!", "Said aloud."]
    reasons = [reason for _, reason in skipped(export)]
    assert reasons == ["system", "tool", "tool", "not_text", "not_text", "not_text", "blank"]
    assert {place for place, _ in skipped(export)} == {"conversation c1"}


def test_conversations_of_one_title_stay_apart_also_in_a_later_export(tmp_path: Path) -> None:
    """The oldest keeps the bare title, so an export with more conversations names those of before alike."""
    old = conversation("c1", "q", node("q", "root", "user", "1"), created=1.0)
    new = conversation("c2", "q", node("q", "root", "user", "2"), created=2.0)
    newest = conversation("c3", "q", node("q", "root", "user", "3"), created=3.0)
    topics = [body["topic"] for body in bodies(exports.read(chatgpt(tmp_path, new, old)))]
    later = [body["topic"] for body in bodies(exports.read(chatgpt(tmp_path, newest, new, old)))]
    assert topics[0] == "Garden"
    assert topics == later[:2]
    assert len(set(later)) == 3


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (7, "not_a_conversation"),
        ({"title": "x"}, "not_a_conversation"),
        ({"mapping": {}, "current_node": "a"}, "no_id"),
        ({"id": "c", "mapping": {}}, "no_current_branch"),
        ({"id": "c", "mapping": {}, "current_node": "a"}, "no_current_branch"),
        (
            {"id": "c", "mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}, "current_node": "a"},
            "no_current_branch",
        ),
    ],
)
def test_a_broken_conversation_is_skipped_and_the_others_are_not(tmp_path: Path, broken: Any, reason: str) -> None:
    """Missing nodes, circles and strangers in the array cost themselves only."""
    good = conversation("c1", "q", node("q", "root", "user", "Hello."))
    export = exports.read(chatgpt(tmp_path, broken, good))
    assert skipped(export) == [("conversation number 1", reason)]
    assert len(bodies(export)) == 1


@pytest.mark.parametrize("names", [["conversations.json"], ["a/conversations-000.json", "a/conversations-001.json"]])
def test_the_zip_is_read_as_it_comes(tmp_path: Path, names: list[str]) -> None:
    """conversations.json inside the .zip, also where it is in several parts; other files are left aside."""
    file = tmp_path / "export.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("user.json", "{}")
        for name in names:
            archive.writestr(name, json.dumps([conversation(name, "q", node("q", "root", "user", name))]))
    assert [body["content"] for body in bodies(exports.read(file))] == names


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Neither a picture, nor a .zip without conversations, nor half an export, is taken for something."""
    picture, empty, half, latin = (tmp_path / name for name in ("p.png", "e.zip", "h.json", "l.json"))
    picture.write_bytes(b"\x89PNG")
    half.write_text('[{"id": "c1", "mapping": {}}, {"id"')
    latin.write_bytes(b'[{"id": "\xe9"}]')
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("user.json", "{}")
    for file in (picture, empty, half, latin):
        with pytest.raises(NotImportable):
            exports.read(file)


@pytest.mark.parametrize("given", [[], [{}], [{"a": "]},["}, {"b": [1, {"c": '\\"'}]}] * 50])
def test_arrays_are_read_element_by_element(given: list[Any]) -> None:
    """What comes out is what json would read, wherever the reads end."""
    for text in (json.dumps(given), json.dumps(given, indent=1) + "\n"):
        assert list(elements(Dripping(text))) == given


class Dripping(io.StringIO):
    """Gives a few characters at a time, whatever is asked for."""

    def read(self, size: int | None = -1) -> str:
        return super().read(5)


def test_batches_are_bounded_by_number_and_by_size() -> None:
    """Neither count nor bytes of a batch go beyond their bounds, and nothing is lost between two."""
    small = [Message("p", {"key": str(n)}, 10) for n in range(25)]
    assert [len(batch.messages) for batch in batches(small, 10)] == [10, 10, 5]
    large = [Message("p", {"key": str(n)}, MAX_BYTES // 2) for n in range(5)]
    assert [len(batch.messages) for batch in batches(large, 10)] == [2, 2, 1]
    assert [batch.done for batch in batches([*small, *[Skipped("p", "r")] * 3], 10)] == [10, 20, 28]
    assert [message.body["key"] for batch in batches(small, 10, 22) for message in batch.messages] == ["22", "23", "24"]
