"""Regular expressions that are compiled when they are first used.

The rules know hundreds of them. Compiled at import they would cost every cold start a quarter of a second, also of
functions that never read a message by rules.
"""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split", "pattern", "flags", "groups")


class Pattern:
    """Stands for `re.compile(source, flags)`. Threads may meet at the first use; each then sees the same pattern."""

    def __init__(self, source: str, flags: int = 0) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        vars(self).update({method: getattr(self.compiled, method) for method in _METHODS})
        return vars(self)[name]

    @property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self._source, self._flags)


def regex(source: str, flags: int = 0) -> re.Pattern[str]:
    """`re.compile(source, flags)`, done when first used. A mistake in it shows then."""
    return cast(re.Pattern[str], Pattern(source, flags))
