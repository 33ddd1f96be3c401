"""ChatGPT's export as tests write it."""

from __future__ import annotations

from typing import Any


def node(name: str, parent: str, role: str, *parts: Any, at: float | None = None) -> dict[str, Any]:
    """A message of a conversation, under the one it follows."""
    kind = "text" if all(isinstance(part, str) for part in parts) else "multimodal_text"
    content = {"content_type": kind, "parts": list(parts)}
    message: dict[str, Any] = {"id": name, "author": {"role": role}, "content": content, "create_time": at}
    return {"id": name, "parent": parent, "children": [], "message": message}


def conversation(
    identity: str, current: str, *nodes: dict[str, Any], created: float = 1_700_000_000.0, title: str = "Garden"
) -> dict[str, Any]:
    """A conversation with an empty root, as the export has it."""
    root: dict[str, Any] = {"id": "root", "message": None, "parent": None, "children": []}
    return {
        "title": title,
        "create_time": created,
        "conversation_id": identity,
        "current_node": current,
        "mapping": {"root": root, **{one["id"]: one for one in nodes}},
    }
