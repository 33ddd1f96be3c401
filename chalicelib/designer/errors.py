"""What can be wrong with a request about design sessions."""

from __future__ import annotations

from chalicelib.errors import Conflict, Gone, Invalid, NotFound


class SessionNotFound(NotFound):
    """There is no such session."""

    code = "session_not_found"


class ToolNotFound(NotFound):
    """There is no such tool."""

    code = "tool_not_found"


class SessionExpired(Gone):
    """The session has expired; resume it."""

    code = "session_expired"


class SessionEnded(Conflict):
    """The session has ended; reopen it first."""

    code = "session_ended"


class NothingToUndo(Conflict):
    """There is nothing to take back."""

    code = "nothing_to_undo"


class SessionIncomplete(Invalid):
    """Something required is still missing."""

    code = "session_incomplete"


class InvalidField(Invalid):
    """A field's value is not of the form it needs."""

    code = "invalid_field"


class InvalidTool(Invalid):
    """That does not describe a tool."""

    code = "invalid_tool"


class InvalidDesign(Invalid):
    """That is not a design that can be imported."""

    code = "invalid_design"


class UnknownFormat(Invalid):
    """There is no such export format."""

    code = "unknown_format"
