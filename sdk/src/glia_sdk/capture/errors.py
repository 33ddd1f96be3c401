"""What capture raises into the program, and only where it was told to: `fail_closed`."""

from __future__ import annotations

from glia_sdk.errors import GliaError


class CaptureFailed(GliaError):
    """Something could not be recorded, and the program is set to stop rather than to go on unrecorded."""
