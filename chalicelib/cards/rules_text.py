"""Where sentences begin and end: cuts a message into citable segments, and cleans them.

All offsets are half-open Unicode code points of the text as given. Every pass is linear in the length of the text:
patterns are bounded or possessive, so no input makes them backtrack over it twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.patterns import regex

MASK = "\ua78f"  # a letter nobody types: stands for each character of a quotation, inline code or address
FULL_SENTENCE = 100  # code points; longer ones are cut where a new subject follows `and`, `but` or `so`
LONG_SENTENCE = 220  # longer ones are cut at any clause
LONG_CLAUSE = 300
SHORT_CLAUSE = 40

_CHECKBOX = {" ": "todo", "x": "done", "X": "done"}
_TRIM = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"

_FENCE = regex(r"[ \t]*(?:(`{3,})[^`]*|(~{3,}).*)\Z")
_ASIDE = regex(r"[ \t]*(?:>|\||#+[ \t]|-{3}|={3})")
_BULLET = regex(r"[ \t]*((?:[-*•+–▪◦‣]|\(?\d{1,3}[.)])[ \t]+(?:\[([ xX])\][ \t]+)?)?")
_HEADING = regex(r"[ \t#*_]*([A-Za-z][A-Za-z -]{2,24}?)[ \t]*[:：]?[*_]*[ \t]*[:：]?[ \t]*\Z")
_LINE = regex(r"[^\n\r\u2028\u2029]++")
_MASKED = regex(
    r"(?:https?://|www\.)[^\s<>\"”`]*[^\s<>\"”`'’.,!?;:)\]]"
    r"|`[^`\n]{1,300}`"
    r"|(?<!\w)\"(?=\S)[^\"\n]{1,400}\""
    r"|“[^“”\n]{1,400}”|„[^„“”\n]{1,400}[“”]|«[^«»\n]{1,400}»|「[^「」\n]{1,400}」"
)
_EMOJI = r"[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f\u200d]"
_END = regex(
    rf"(?<![.!?…؟])[.!?…؟]++[\"'”’)\]*_]*+(?:\s?{_EMOJI}++|(?=\s|\Z))|[。！？।]++[”’」』）)]*+|;(?=\s)"
    rf"|(?<=\s){_EMOJI}++(?=\s+[A-Z])"
)
_ASKS = regex(r"[?？؟]\W*\Z")
_ABBREVIATION = regex(
    r"\b(?:e\.g|i\.e|mr|mrs|ms|dr|prof|vs|cf|approx|fig|st|jr|sr|dept|est|al|jan|feb|aug|sept|oct|nov|dec|[a-z]\.[a-z])\Z",
    re.I,
)
_NEW_SUBJECT = (
    r"(?:i|we|you|they|he|she|it|then|let's|that|there|the|maybe|our|my"
    r"|(?:do|does|did|should|can|could|shall|is|are)\s(?:i|we|you|they|it|the))\b"
)
_JOIN = rf",?(?<!\byou)\s(?=(?:and|but|so|then|also)\s(?:also\s|then\s)?{_NEW_SUBJECT})"
_JOINED = regex(_JOIN, re.I)
_CLAUSE = regex(
    rf"{_JOIN}|,\s+(?=(?:and|but|so|because|which|however|although|then|or|while|where|since|{_NEW_SUBJECT})\b)"
    r"|\s(?=because\s)|(?<=\S)\s++[-–—]++\s|:\s++",
    re.I,
)
_SUPPOSING = regex(r"\b(?:if|unless|suppose|supposing|imagine|assuming|hypothetically|in case)\b", re.I)

_NOISE = regex(
    r"[{\[(<](?:disfmarker|vocalsound|nonvocalsound|gap|pause|comment|laughter|laughs?|laughing|inaudible|crosstalk"
    r"|noise|silence|cough|sigh)[}\])>]",
    re.I,
)
_FILLERS = r"(?:uh+m?|u+mm+|erm+|hm+|(?<!\d )mm+|(?:um|er|eh)(?=\s?(?:,|\.\.|…)))"  # bare `um` is a word elsewhere
_FILLER = regex(rf"\b{_FILLERS}\b(?:\s?[,…](?=\s))*\s*|(?<=, )(?:um|er|eh)\s", re.I)
LEAD = regex(
    r"(?:(?:(?:ok|okay|yeah|yes|no|oh|well|right|alright)\s(?=(?:so|well|yeah|but|and|um|uh)\b)"
    r"|(?:so|well|ok|okay|yeah|yes|yep|no|right|alright|sure|oh|ah|hey|hi|hello|now|anyway|actually|basically"
    r"|and|but|also|then|plus|like|you know|i mean|by the way|btw|nope|honestly|great|thanks|thank you)"
    r"\s?(?:,|\.+(?=\s)|…|!|-{1,2}(?=\s)|—)"
    rf"|{_FILLERS}\b|\{{(?:disfmarker|vocalsound|gap|pause)\}})[\s,.…]*)++",
    re.I,
)
_LINK = regex(r"!?\[([^\]\n]{1,200})\]\((?:https?://|www\.|/|#)[^\s)]{0,400}\)")
_EMPHASIS = regex(r"(?<!\w)(?:\*{1,3}|_{1,3}|~~)(?=\w)|(?<=[\w:.!?)%])(?:\*{1,3}|_{1,3}|~~)(?!\w)")
_SPACED = regex(r"\s+(?=[,.;:!?](?:\s|\Z)|['’](?:s|m|re|ve|ll|d|t)\b|n['’]t\b)", re.I)
CONNECTIVE = regex(r"(?:and|but|so|or|also|then|plus|because)\s+(?=\w)", re.I)
_DANGLING = regex(r"[\s,]+(?:and|but|so|or|also|then|because)\Z", re.I)


class Segment(NamedTuple):
    """A sentence, or a clause of a long one. `asks`: its sentence ends in a question mark; `supposed`: the clause
    before it was hypothetical; `label`: the heading or checkbox it stands under, in lower case, or '';
    `masked`: its text with quotations and the like masked."""

    start: int
    end: int
    asks: bool = False
    supposed: bool = False
    label: str = ""
    masked: str = ""


class _Block(NamedTuple):
    start: int
    end: int
    label: str
    item: bool = False  # stands behind a bullet or a number
    wraps: bool = False  # starts small, so it may go on from the line before


def segments(content: str) -> list[Segment]:
    """The citable segments of a message in reading order; code, quoted lines, tables and headings are left out."""
    masked = mask(content)
    found: list[Segment] = []
    for block in _blocks(content):
        for start, end in _sentences(masked, block.start, block.end):
            found.extend(_clauses(masked, start, end, block.label))
    return found


def mask(content: str) -> str:
    """`content` with addresses, inline code and quotations replaced by as many `MASK` letters."""
    if not any(sign in content for sign in ("://", "www.", '"', "`", "“", "„", "«", "「")):
        return content
    return _MASKED.sub(lambda found: MASK * len(found[0]), content)


def _blocks(content: str) -> Iterator[_Block]:
    """Runs of text that sentences may span: a line, or several where hard-wrapped, without its bullet."""
    held: _Block | None = None
    for block in _lines(content):
        if held and block and block.wraps and _goes_on(content, held, block.start):
            held = _Block(held.start, block.end, held.label)
            continue
        if held:
            yield held
        held = block
    if held:
        yield held


def _lines(content: str) -> Iterator[_Block | None]:
    """Each line as a block; None for one that is no prose: code, a quoted line, a table's row, a heading, a blank."""
    fence = label = ""
    for line in _LINE.finditer(content):
        text = line[0]
        mark = _FENCE.match(text) if "``" in text or "~~~" in text else None
        if fence or mark:
            fence, label = _next_fence(fence, mark, text), ""
            yield None
        elif _ASIDE.match(text) or text.isspace():
            label = _heading(text, label)
            yield None
        else:
            block = _line_block(line, label)
            label = label if block.item else _heading(text, "")
            yield block


def _line_block(line: re.Match[str], label: str) -> _Block:
    bullet = _BULLET.match(line[0])
    assert bullet is not None
    item = bullet[1] is not None
    box = _CHECKBOX.get(bullet[2] or "", "")
    return _Block(
        line.start() + bullet.end(),
        line.end(),
        box or (label if item else ""),
        item,
        not item and line[0].lstrip()[:1].islower(),
    )


def _next_fence(fence: str, mark: re.Match[str] | None, text: str) -> str:
    """The fence still open after this line, or ''. A fence closes with its own sign, at least as long."""
    sign = (mark[1] or mark[2]) if mark else ""
    if not fence or not sign:
        return sign or fence
    return "" if sign.startswith(fence) and text.strip() == sign else fence


def _heading(text: str, otherwise: str) -> str:
    """What a short line such as `Next steps:` or `## Decisions` says; blank lines keep what stands above them."""
    found = _HEADING.match(text) if len(text) <= 60 else None
    if found:
        return found[1].lower()
    return otherwise if not text.strip() else ""


def _goes_on(content: str, block: _Block, start: int) -> bool:
    """Whether the line at `start` goes on from `block`: hard-wrapped at 48 code points or later, and not ended."""
    before = content[max(block.start, start - 50) : start]
    return len(before) == 50 and before.count("\n") <= 1 and before.rstrip()[-1:] not in ".!?…:;"


def _sentences(masked: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Half-open sentence spans of one block, white space at both ends included."""
    begin = start
    for found in _END.finditer(masked, start, end):
        if _is_boundary(masked, found, begin, end):
            yield begin, found.end()
            begin = found.end()
    if begin < end:
        yield begin, end


def _is_boundary(masked: str, found: re.Match[str], begin: int, end: int) -> bool:
    ending, after = found[0], masked[found.end() : found.end() + 2].strip()
    if found.end() >= end:
        return True
    if ending == "." and _ABBREVIATION.search(masked, max(begin, found.start() - 8), found.start()):
        return False
    return not (ending.startswith(("..", "…")) and after[:1].islower())


def _clauses(masked: str, start: int, end: int, label: str) -> Iterator[Segment]:
    """The sentence as one segment, or its clauses where it is too long to cite whole."""
    sentence = masked[start:end].rstrip()
    asks = bool(_ASKS.search(sentence[-16:]))
    limit = LONG_CLAUSE if asks else FULL_SENTENCE
    cuts = [(start, end)] if len(sentence) <= limit else list(_pieces(masked, start, end))
    supposed = False
    for piece_start, piece_end in cuts:
        first, last = _trimmed(masked, piece_start, piece_end)
        if len(cuts) > 1:
            first, last = _unjoined(masked, first, last)
        if first < last:
            text = masked[first:last]
            yield Segment(first, last, asks and piece_end == cuts[-1][1], supposed, label, text)
            supposed = (supposed and len(sentence) <= LONG_CLAUSE) or bool(len(cuts) > 1 and _SUPPOSING.search(text))


def _pieces(masked: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Clause spans of at least `SHORT_CLAUSE` and at most `LONG_CLAUSE` code points, save a short last one."""
    begin = start
    joint = _JOINED if end - start <= LONG_SENTENCE else _CLAUSE
    for stop in [*(found.start() for found in joint.finditer(masked, start, end)), end]:
        while stop - begin > LONG_CLAUSE:
            space = masked.rfind(" ", begin + SHORT_CLAUSE, begin + LONG_CLAUSE)
            cut = space if space > 0 else begin + LONG_CLAUSE
            yield begin, cut
            begin = cut
        if stop == end or (stop - begin >= SHORT_CLAUSE and end - stop >= SHORT_CLAUSE):
            yield begin, stop
            begin = stop


def _trimmed(masked: str, start: int, end: int) -> tuple[int, int]:
    """The span without outer white space, joining punctuation, noise marks and spoken lead-ins such as `So, um,`."""
    text = masked[start:end]
    text = text.rstrip().rstrip(_TRIM).rstrip()
    while text.endswith(("}", "]", ">")) and (noise := _trailing_noise(text)):
        text = text[:noise].rstrip()
    text = text.rstrip(";,:–—").rstrip()
    end, start = start + len(text), start + len(text) - len(text.lstrip(" \t\r\n\f\v\u00a0,;:–—-" + _TRIM).lstrip())
    lead = LEAD.match(masked, start, end)
    if lead and lead.end() < end:
        start = lead.end()
    return start, end


def _unjoined(masked: str, start: int, end: int) -> tuple[int, int]:
    """The clause without the `and` or `but` that joins it to its neighbours."""
    first, last = CONNECTIVE.match(masked, start, end), _DANGLING.search(masked, max(start, end - 10), end)
    return first.end() if first else start, last.start() if last else end


def _trailing_noise(text: str) -> int:
    """Where a noise mark that ends `text` starts, or 0."""
    for found in _NOISE.finditer(text, max(0, len(text) - 20)):
        if found.end() == len(text):
            return found.start()
    return 0


def is_broken(text: str) -> bool:
    """Whether a transcript marks this as speech that breaks off or is drowned."""
    return "{" in text and bool(_NOISE.search(text))


def clean(text: str) -> str:
    """The words of `text` on one line: white space folded; markup, noise marks and `um` taken out; nothing added."""
    if "{" in text or "[" in text or "<" in text or "(" in text:
        text = _LINK.sub(r"\1", _NOISE.sub(" ", text))
    if "*" in text or "_" in text or "~" in text:
        text = _EMPHASIS.sub("", text)
    text = " ".join(_FILLER.sub("", text).split())
    return _SPACED.sub("", text)
