"""The model extractor: asks a model to read a message, verifies what it claims, and falls back on the rules."""

from __future__ import annotations

from chalicelib.adapters.clock import Monotonic
from chalicelib.designer.context import Context
from chalicelib.designer.model_prompt import ModelChange, ModelReading, extraction_prompt, repair_prompt
from chalicelib.designer.models import LISTS, Act, Change, Extraction, FieldName, Op, Source, Span
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.stages import REOPENABLE
from chalicelib.designer.text import words
from chalicelib.explaining.asking import ask
from chalicelib.explaining.models import Call
from chalicelib.llm.client import InvalidAnswer, ModelClient
from chalicelib.llm.failures import LLMError
from chalicelib.llm.text import storable
from chalicelib.llm.tokens import clip

MESSAGE_TOKENS = 8_000  # of a message that a model is shown; the rest of a longer one is cut from its middle
REPAIR_WITHIN = 8.0  # seconds after which a wrong answer is not sent back: the rules answer
_YES = frozenset(("true", "yes"))
_NO = frozenset(("false", "no"))


class ModelExtractor:
    """One call, and one more for repair where there is time. Give it a client whose timeout leaves room for both.

    A claim whose quote does not stand in the message, or whose value does not fit its field, is dropped and counted.
    """

    def __init__(self, client: ModelClient, fallback: RulesExtractor, monotonic: Monotonic) -> None:
        self._client = client
        self._fallback = fallback
        self._monotonic = monotonic

    def extract(self, message: str, context: Context, calls: list[Call] | None = None) -> Extraction:
        if not words(message):
            return self._fallback.extract(message, context)
        try:
            return verified(self._ask(message, context, [] if calls is None else calls), message, context)
        except LLMError as error:
            fallen = self._fallback.extract(message, context)
            return fallen.model_copy(update={"failure_class": error.failure_class.value})

    def _ask(self, message: str, context: Context, calls: list[Call]) -> ModelReading:
        started = self._monotonic()
        prompt = extraction_prompt(clip(message, MESSAGE_TOKENS), context)
        try:
            return ask(self._client, prompt, ModelReading, self._monotonic, calls)
        except InvalidAnswer as invalid:
            if self._monotonic() - started > REPAIR_WITHIN:
                raise
            again = repair_prompt(prompt, clip(invalid.answer, MESSAGE_TOKENS), invalid.problem)
            return ask(self._client, again, ModelReading, self._monotonic, calls)


def verified(reading: ModelReading, message: str, context: Context) -> Extraction:
    """The extraction that the message bears out."""
    changes = [_change(claim, message, context) for claim in reading.changes]
    kept = [change for change in changes if change is not None]
    if any(change.field is FieldName.TOOLS and change.op is not Op.REMOVE for change in kept):
        kept = _with_use_tools(kept)
    whole = _whole(message)
    return Extraction(
        source=Source.LLM,
        asked=context.asked,
        acts=[Act(kind=kind, span=whole) for kind in reading.acts],
        changes=kept,
        go_to=reading.go_to if reading.go_to in REOPENABLE else None,
        waived=_known(reading.waived, context),
        guarded=_known(reading.guarded, context),
        dropped=len(changes) - len(kept),
    )


def _change(claim: ModelChange, message: str, context: Context) -> Change | None:
    span = _located(claim.quote, message)
    if span is None:
        return None
    if claim.field is FieldName.USE_TOOLS:
        flag = claim.value if isinstance(claim.value, bool) else _flag(claim.value)
        return None if flag is None else Change(op=Op.SET, field=claim.field, value=flag, spans=[span])
    if not isinstance(claim.value, str) or not claim.value.strip():
        return None
    value = storable(claim.value).strip()
    if claim.field is FieldName.TOOLS:
        return _tool_change(claim, value, span, context)
    is_list = claim.field in LISTS
    op = claim.op if is_list or claim.op is Op.REMOVE else Op.SET
    return Change(op=op, field=claim.field, value=value, old=claim.old if is_list else None, spans=[span])


def _tool_change(claim: ModelChange, value: str, span: Span, context: Context) -> Change | None:
    """A tool by its name in the catalogue; else the user's own words as a wish, never a name the model made up."""
    tool = context.catalogue.resolve(value) or context.catalogue.resolve(span.text)
    known = context.items(FieldName.TOOLS)
    name = tool.name if tool else value if value in known else None
    if claim.op is Op.REMOVE:
        return Change(op=Op.REMOVE, field=claim.field, value=name, spans=[span]) if name else None
    old = context.catalogue.resolve(claim.old) if claim.old else None
    return Change(
        op=claim.op,
        field=claim.field,
        value=name or span.text,
        old=old.name if old else claim.old,
        spans=[span],
        is_wish=name is None,
    )


def _with_use_tools(changes: list[Change]) -> list[Change]:
    if any(change.field is FieldName.USE_TOOLS for change in changes):
        return changes
    first = next(change for change in changes if change.field is FieldName.TOOLS and change.op is not Op.REMOVE)
    return [Change(op=Op.SET, field=FieldName.USE_TOOLS, value=True, spans=first.spans), *changes]


def _located(quote: str, message: str) -> Span | None:
    """Where the quote stands, character by character; None where it does not: it was invented."""
    quote = quote.strip()
    start = message.find(quote) if quote else -1
    return Span(text=quote, start=start, end=start + len(quote)) if start >= 0 else None


def _flag(value: str) -> bool | None:
    said = value.strip().lower()
    return True if said in _YES else False if said in _NO else None


def _known(names: list[str], context: Context) -> list[str]:
    chosen = context.items(FieldName.TOOLS)
    found = [tool.name if (tool := context.catalogue.resolve(name)) else name for name in names]
    return [name for name in dict.fromkeys(found) if name in chosen]


def _whole(message: str) -> Span:
    found = words(message)
    start, end = found[0].start, found[-1].end
    text = message[start:end][:200]
    return Span(text=text, start=start, end=start + len(text))
