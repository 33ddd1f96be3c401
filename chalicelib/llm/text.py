"""What models write, made fit to keep."""


def storable(text: str) -> str:
    """Text that Postgres and JSON can hold: no NUL, and surrogates in pairs only."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
