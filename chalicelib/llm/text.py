"""What models write, made fit to keep."""


def storable(text: str) -> str:
    """Text that Postgres and JSON can hold: no NUL, and surrogates in pairs only."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def split_surrogate(text: str) -> tuple[str, str]:
    """The text, and the first half of a surrogate pair at its end, whose second half may be in the next piece."""
    if text and "\ud800" <= text[-1] <= "\udbff":
        return text[:-1], text[-1]
    return text, ""
