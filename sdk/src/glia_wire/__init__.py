"""What both sides of the wire share: event constants, canonical JSON, call signatures and the redaction gate.

Nothing here imports more than the standard library.
"""
