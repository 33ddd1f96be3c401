"""Errors of imports."""

from glia_sdk.errors import GliaError


class NotImportable(GliaError):
    """The file is not of a kind that can be imported."""
