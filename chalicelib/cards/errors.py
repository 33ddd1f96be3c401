"""Errors of the cards domain."""

from chalicelib.cards.models import Card
from chalicelib.errors import Conflict, NotFound


class CardNotFound(NotFound):
    """There is no such card."""

    code = "card_not_found"


class RunNotFound(NotFound):
    """There is no such extract run."""

    code = "extract_run_not_found"


class CardChanged(Conflict):
    """The card has changed since you read it; `details.card` is the card as it is now."""

    code = "card_changed"

    def __init__(self, card: Card | None) -> None:
        super().__init__()
        self.card = card


class CardIsDeleted(Conflict):
    """The card is deleted; restore it first."""

    code = "card_deleted"


class CardNotDeleted(Conflict):
    """The card is not deleted."""

    code = "card_not_deleted"


class NoSuggestion(Conflict):
    """There is no suggestion to decide about."""

    code = "no_suggestion"
