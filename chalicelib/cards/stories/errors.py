"""Errors of stories."""

from chalicelib.errors import NotFound


class StoryNotFound(NotFound):
    """The topic has no story, or no such version of it."""

    code = "story_not_found"
