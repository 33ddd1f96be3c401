"""How an answer is shown: while it is written, when it is whole, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Protocol

from glia_sdk.cli.screen import Screen, harmless
from glia_sdk.events import Answer
from glia_sdk.models import DELTA, STARTED, Accepted, TurnEvent


class View(Protocol):
    def accepted(self, accepted: Accepted) -> None:
        """The message was taken in."""

    def event(self, event: TurnEvent) -> None:
        """Something happened to its turn."""

    def ended(self, accepted: Accepted, answer: Answer) -> None:
        """That was all; also after an answer that was broken off."""


class WholeView:
    """Words on stdout once the answer is whole: what is piped cannot be taken back."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def accepted(self, accepted: Accepted) -> None:
        self._screen.note(f"topic {accepted.topic_id} ({accepted.rule})")

    def event(self, event: TurnEvent) -> None:
        """Nothing yet."""

    def ended(self, accepted: Accepted, answer: Answer) -> None:
        if answer.is_complete:
            text = harmless(answer.text) if self._screen.is_live else answer.text
            self._screen.line(text.removesuffix("\n"))
        else:
            _show_failure(self._screen, answer)


class LiveView(WholeView):
    """Words as they come. When another attempt begins, those of the one before are taken back."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._shown = ""

    def event(self, event: TurnEvent) -> None:
        if event.type == DELTA:
            text = harmless(str(event.data.get("text", "")))
            self._screen.write(text)
            self._shown += text
        elif event.type == STARTED and self._shown:
            if not self._screen.erase(self._shown):
                self._screen.line("")
                self._screen.note("the answer begins again")
            self._shown = ""

    def ended(self, accepted: Accepted, answer: Answer) -> None:
        if self._shown and not self._shown.endswith("\n"):
            self._screen.line("")
        if not answer.is_complete:
            _show_failure(self._screen, answer)


class JsonLinesView:
    """One JSON object a line: what was accepted, then every event."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def accepted(self, accepted: Accepted) -> None:
        self._screen.line(_json({"type": "accepted", **asdict(accepted)}))

    def event(self, event: TurnEvent) -> None:
        self._screen.line(_json(asdict(event)))

    def ended(self, accepted: Accepted, answer: Answer) -> None:
        """All was said."""


class JsonView:
    """One JSON object when the turn has ended."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def accepted(self, accepted: Accepted) -> None:
        """Nothing yet."""

    def event(self, event: TurnEvent) -> None:
        """Nothing yet."""

    def ended(self, accepted: Accepted, answer: Answer) -> None:
        final = answer.final
        ending = {"type": final.type if final else None, "text": answer.text, **(final.data if final else {})}
        self._screen.line(_json({**asdict(accepted), "answer": ending}))


def view_for(screen: Screen, *, as_json: bool, is_streamed: bool) -> View:
    if as_json:
        return JsonLinesView(screen) if is_streamed else JsonView(screen)
    return LiveView(screen) if is_streamed and screen.is_live else WholeView(screen)


def _show_failure(screen: Screen, answer: Answer) -> None:
    data = answer.final.data if answer.final else {}
    if data.get("class") == "cancelled":
        screen.note("cancelled")
        return
    screen.error(f"the answer failed: {data.get('class', 'unknown')}: {data.get('message', 'no reason was given')}")


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)
