"""Design sessions without a server: messages in, turns out, read by the rules."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.designer import dialogue
from chalicelib.designer.context import context_of
from chalicelib.designer.design import Design, design_of
from chalicelib.designer.models import DesignState, FieldName, Turn
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.tools.catalogue import catalogue
from chalicelib.designer.tools.models import Tool


class Talk:
    """A session: `say` takes a turn. Every turn checks that quotes are verbatim and that the state survives JSON."""

    def __init__(self, own: Iterable[Tool] = ()) -> None:
        self.tools = catalogue(own)
        self.state, self.greeting = dialogue.start()
        self.messages: list[str] = []
        self.last: Turn | None = None

    def say(self, *messages: str) -> Turn:
        for message in messages:
            extraction = RulesExtractor().extract(message, context_of(self.state, self.tools))
            self.last = dialogue.take_turn(self.state, extraction, self.tools)
            self.state = self.last.state
            self.messages.append(message)
            self._check()
        assert self.last is not None
        return self.last

    def _check(self) -> None:
        assert DesignState.model_validate_json(self.state.model_dump_json()) == self.state
        for field in self.state.collected_fields.values():
            for quote in field.quotes:
                assert self.messages[quote.turn - 1][quote.start : quote.end] == quote.text

    def value(self, name: str) -> object:
        return self.state.value(FieldName(name))

    def source(self, name: str) -> str:
        return self.state.collected_fields[FieldName(name)].source.value

    @property
    def design(self) -> Design:
        return design_of(self.state, self.tools)


def ready(*more: str) -> Talk:
    """A session at its workflow, with Slack and a calendar, and what is said after that."""
    talk = Talk()
    talk.say("I want a customer support bot", "answer questions about orders", "friendly", "Slack and calendar", *more)
    return talk
