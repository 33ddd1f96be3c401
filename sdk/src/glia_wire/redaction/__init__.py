"""Redaction: the gate, its rules, and what they are made of.

A rule is added by a `Rule`: a name and a finder that yields the spans anchored in a window of a text
(`Gate(rules=(*BUILT_IN, mine))`); a host's own function from text to text is a `Hook`.
"""

from glia_wire.redaction.gate import BUILT_IN, CLASSES, MAX_DEPTH, RULESET, Gate, Hook, Redacted, RedactionFailed
from glia_wire.redaction.payloads import RedactedBytes, redact_bytes
from glia_wire.redaction.windows import REACH, SLICE, Breathe, Finder, Rule, Span, Window

__all__ = [
    "BUILT_IN",
    "CLASSES",
    "MAX_DEPTH",
    "REACH",
    "RULESET",
    "SLICE",
    "Breathe",
    "Finder",
    "Gate",
    "Hook",
    "Redacted",
    "RedactedBytes",
    "RedactionFailed",
    "Rule",
    "Span",
    "Window",
    "redact_bytes",
]
