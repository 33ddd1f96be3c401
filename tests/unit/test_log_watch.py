"""The watch over the logs can see."""

from __future__ import annotations

import logging

from tests.support.logs import LogWatch, leaks_in


def test_words_and_credentials_are_seen_wherever_they_stand() -> None:
    """In a message, in an argument, in an extra field; and a harmless line is no leak."""
    watch = LogWatch()
    log = logging.getLogger("watched")
    log.addHandler(watch)
    log.propagate = False
    log.warning("request %s", "I decided to go")
    log.warning("request", extra={"token": "eyJhbGciOi"})
    log.warning("request", extra={"status": 200})
    assert (watch.lines, len(watch.leaks)) == (3, 2)
    assert leaks_in("role glia_app, key glia_abc") == ["glia_"]
