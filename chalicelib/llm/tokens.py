"""Estimating tokens without a tokenizer, and clipping text to them. Pure."""

CUT = " […] "


def tokens(text: str) -> int:
    """An upper estimate: three UTF-8 bytes a token, and four tokens for the message around it."""
    return len(text.encode()) // 3 + 4


def clip(text: str, limit: int) -> str:
    """The beginning and the end of a text, within about `limit` tokens."""
    if tokens(text) <= limit:
        return text
    half = max((limit - 8) * 3 // 2, 1)
    data = text.encode()
    return data[:half].decode(errors="ignore") + CUT + data[-half:].decode(errors="ignore")
