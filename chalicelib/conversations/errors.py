"""Errors of the conversations domain."""

from chalicelib.errors import Conflict, Invalid, NotFound, RateLimited, TooLarge, Unavailable


class TopicNotFound(NotFound):
    """There is no such topic."""

    code = "topic_not_found"


class MessageNotFound(NotFound):
    """There is no such message."""

    code = "message_not_found"


class OperationNotFound(NotFound):
    """There is no such operation."""

    code = "operation_not_found"


class MergeIntoItself(Invalid):
    """A topic cannot be merged into itself."""

    code = "merge_into_itself"


class SplitLeavesNothing(Invalid):
    """A topic cannot be split at its first message: nothing would stay."""

    code = "split_leaves_nothing"


class OperationUndone(Conflict):
    """The operation has been undone already."""

    code = "operation_undone"


class ConversationNotFound(NotFound):
    """There is no such conversation."""

    code = "conversation_not_found"


class TurnNotFound(NotFound):
    """There is no such turn."""

    code = "turn_not_found"


class MessageTooLong(TooLarge):
    """A message holds at most 100,000 characters."""

    code = "message_too_long"


class BlankMessage(Invalid):
    """The message is blank."""

    code = "message_blank"


class TurnNotFailed(Conflict):
    """Only a failed turn can be retried."""

    code = "turn_not_failed"


class TurnEnded(Conflict):
    """The turn has already ended."""

    code = "turn_ended"


class TokensUsedUp(RateLimited):
    """Your tokens of the last 24 hours are used up; try again later."""

    code = "tokens_used_up"
    retry_after = 3600


class QueuesAreOld(Unavailable):
    """The background work is behind; go on with the import a little later."""

    code = "queues_are_old"
    retry_after = 15


class TurnRunning(Conflict):
    """The message is being answered right now; cancel its turn first."""

    code = "turn_running"


class MessageGone(Conflict):
    """The message of this turn was deleted."""

    code = "message_deleted"
