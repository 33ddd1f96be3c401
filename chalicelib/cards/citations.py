"""Checking what a model claims to quote, character by character. Pure."""

from __future__ import annotations

from chalicelib.cards.models import Citation, SourceMessage


def locate(message: SourceMessage, quote: str, start: int | None, end: int | None) -> Citation | None:
    """The citation of `quote` in a message: at the offsets claimed if it stands there, else where it first stands.

    Returns:
        None if the words are not in the message: they were invented.
    """
    quote = quote.strip()
    if not quote:
        return None
    if start is not None and end is not None and 0 <= start < end and message.content[start:end] == quote:
        return Citation(message.message_id, start, end, quote)
    found = message.content.find(quote)
    if found < 0:
        return None
    return Citation(message.message_id, found, found + len(quote), quote)
