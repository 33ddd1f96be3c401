"""Errors of the cards domain."""

from chalicelib.errors import NotFound


class CardNotFound(NotFound):
    """There is no such card."""

    code = "card_not_found"


class RunNotFound(NotFound):
    """There is no such extract run."""

    code = "extract_run_not_found"
