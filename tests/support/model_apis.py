"""Steps of the scripted model for OpenAI's other requests: responses and embeddings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.model_server import ModelRequest, Wire


@dataclass(frozen=True)
class Responds:
    """A response with a text in these pieces, streamed or whole as asked; `is_lost` goes away before its end."""

    pieces: tuple[str, ...]
    is_lost: bool = False

    def play(self, request: ModelRequest, wire: Wire) -> None:
        if not request.is_stream:
            wire.answer(200, _response(request.model, "".join(self.pieces)))
            return
        wire.open_stream()
        wire.event(_event("response.created", 0, response=_response(request.model, "", "in_progress")))
        for number, piece in enumerate(self.pieces, 1):
            part = {"item_id": "m1", "output_index": 0, "content_index": 0, "delta": piece, "logprobs": []}
            wire.event(_event("response.output_text.delta", number, **part))
        if self.is_lost:
            return
        whole = _response(request.model, "".join(self.pieces))
        wire.event(_event("response.completed", len(self.pieces) + 1, response=whole))
        wire.close_stream()


@dataclass(frozen=True)
class Embeds:
    """A vector for each text."""

    vector: tuple[float, ...] = (0.25, -0.5)

    def play(self, request: ModelRequest, wire: Wire) -> None:
        texts = request.body["input"]
        number = len(texts) if isinstance(texts, list) else 1
        data = [{"object": "embedding", "index": n, "embedding": list(self.vector)} for n in range(number)]
        used = {"prompt_tokens": 3, "total_tokens": 3}
        wire.answer(200, {"object": "list", "model": request.model, "data": data, "usage": used})


def _event(kind: str, number: int, **fields: Any) -> str:
    return json.dumps({"type": kind, "sequence_number": number, **fields})


def _response(model: str, text: str, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "m1", "type": "message", "role": "assistant", "status": status, "content": content}
    return {
        "id": "resp-1", "object": "response", "created_at": 1_700_000_000, "model": model, "status": status,
        "output": [message] if text else [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7,
                  "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip
