"""Tools in a message: which are wanted, which are not, which take another's place, and wishes nothing meets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.designer.context import Context
from chalicelib.designer.models import FieldName, Op, Span
from chalicelib.designer.rules_text import Reading, Sentence
from chalicelib.designer.text import Match, near, vocabulary, word_span, words
from chalicelib.patterns import regex

ABOUT_TOOLS = frozenset({FieldName.TOOLS, FieldName.USE_TOOLS})
SPEAKS_OF_TOOLS = vocabulary(
    """
    use uses using access connect connects connected integrate integrates integration integrations tool tools
    plugin plugins api apis
    """
)
_CHANGES_TOOLS = vocabulary(
    """
    add adding remove drop forget delete without include also plus exclude replace swap only not no instead
    don't need
    """
)
_REACH = 5  # words between such a verb and a tool that only a hint names

_REMOVING = vocabulary(
    """
    forget remove drop delete exclude omit ditch scrap skip lose disable minus without except
    """
)
_DENYING = frozenset(["not", "no", "never", "don't", "doesn't", "isn't", "neither", "nor"])
_RESTORING = vocabulary(
    """
    but use add keep with want need instead include prefer rather connect
    """
)
_AFTERWARDS = regex(
    r"\s(?:is|are|isn't|aren't|'s)?\s?(?:not|no longer|isn't|aren't)?\s?(?:needed|necessary|required|wanted)\b", re.I
)
_UNNEEDED = regex(r"\b(?:not|no longer|isn't|aren't|un)\s?(?:needed|necessary|required|wanted)\b", re.I)
_NO_TOOLS = regex(
    r"\b(?:no|without(?: any)?|not? (?:use |need |want )?any|zero|(?:doesn't|does not|don't|do not|won't"
    r"|will not) (?:really )?(?:need|use|want|require)(?: any)?)"
    r" (?:external |other |extra )?(?:tools?|plugins?|integrations?)\b"
    r"|\b(?:just|only) (?:chat|talk|conversation|text)(?:ting|ing|s)?\b(?=\s?(?:[.!,]|\Z))"
    r"|\bno need for (?:any )?tools?\b",
    re.I,
)
_WITH_TOOLS = regex(
    r"\b(?:with|use|uses|using|needs?|wants?|have|has) (?:some |a few |external |several |the |these "
    r"|following ){0,2}(?:tools|plugins|integrations)\b"
    r"|\bit (?:does|will|should) use tools\b",
    re.I,
)
_WISH = regex(
    r"\b(?:connect(?:s|ed|ing)? (?:it )?(?:to|with)|integrat(?:e|es|ed|ing|ion) (?:it )?with|plug(?:s|ged)? into"
    r"|access to|hook(?:s|ed)? up to)"
    r" (?:our |the |my |an? |their |its )?([^\s,.;!?][^,.;!?\n]{1,60})",
    re.I,
)
_NAMED_TOOL = regex(
    r"\b(?:use|add|need|include|with|want) (?:our |the |my |an? |also ){0,2}([^\s,.;!?][^,.;!?\n]{1,40}?) (?:tool|api"
    r"|plugin|integration|connector)\b",
    re.I,
)
_WISH_END = regex(r"\s(?:and|to|so|for|that|which|in order|when|or|but|where|because|if|system)\s", re.I)
_LEAD = regex(
    r"\s{0,10}(?:(?:ok|okay|yes|yeah|sure|well|also|forgot|forgot to mention|missed|oh|and|please|so|it|i|we|they|he"
    r"|she|let's|just|maybe|should|would|will|can|could|may|must"
    r"|needs?|wants?|like|to|use|uses|have|has|be able to|add|the|an?|some|our|my|tools?|are|is|including|include"
    r"|like|access|call|with)[\s,:]{1,3}){0,8}",
    re.I,
)
_ITEM_END = regex(r",|;|/|\s(?:and|or|plus|as well as|&|\+)\s|\n", re.I)
LONGEST_WISH = 8  # words
MOST_WISHES = 40  # of one message


@dataclass(frozen=True, slots=True)
class Mention:
    """`is_swapped`: it is refused in favour of another, as in `not Slack, email`, and not just taken out."""

    tool: str
    is_wanted: bool
    is_swapped: bool
    span: Span


def read_tools(reading: Reading, context: Context) -> None:
    """Adds what the message says of tools to the reading."""
    asked = context.asked in ABOUT_TOOLS
    mentions: list[Mention] = []
    for sentence in reading.sentences:
        found = _mentions(reading, sentence, context, asked)
        mentions.extend(found)
        if found and _says_little_else(sentence, found):
            sentence.taken = True
    _use(reading, mentions)
    _apply(reading, mentions, context)


def _mentions(reading: Reading, sentence: Sentence, context: Context, asked: bool) -> list[Mention]:
    listed = sentence.label is FieldName.TOOLS
    matches = _matches(sentence, context, asked or listed)
    mentions: list[Mention] = []
    wanted, kind = True, ""
    for index, match in enumerate(matches):
        before = sentence.words[matches[index - 1].last if index else 0 : match.first]
        last = sentence.words[matches[index - 1].last - 1].end if index else sentence.start
        gap = reading.text[last : sentence.words[match.first].start]
        wanted, kind = _polarity(
            [word.text for word in before], gap, wanted, kind, sentence, match, bool(context.known)
        )
        tail = reading.text[sentence.words[match.last - 1].end : sentence.words[match.last - 1].end + 40]
        is_wanted = wanted and not (_AFTERWARDS.match(tail) and _UNNEEDED.search(tail))
        mentions.append(
            Mention(
                match.entry,
                is_wanted,
                kind != "remove",
                word_span(reading.text, sentence.words[match.first : match.last]),
            )
        )
    return mentions


def _matches(sentence: Sentence, context: Context, wide: bool) -> list[Match[str]]:
    """Tools by their own words; by hints where tools are spoken of, or right behind a verb such as `add`."""
    sure = context.catalogue.tool_words.find(sentence.words)
    texts = [word.text for word in sentence.words]
    short = bool(sure) and len(texts) <= 8 and bool(_CHANGES_TOOLS & set(texts))
    if not (wide or short or SPEAKS_OF_TOOLS & set(texts) or _CHANGES_TOOLS & set(texts)):
        return sure
    covered = {index for match in sure for index in range(match.first, match.last)}
    hinted = [
        m for m in context.catalogue.hinted_words.find(sentence.words) if covered.isdisjoint(range(m.first, m.last))
    ]
    if not (wide or short):
        covered |= {index for match in hinted for index in range(match.first, match.last)}
        hinted = [m for m in hinted if _alone(texts, m) and _is_object(texts, m, covered)]
    hinted = [match for match in hinted if not _is_of_something(texts, match, sentence)]
    found = sorted([*sure, *hinted], key=lambda match: match.first)
    return found if found or not wide else _near(sentence, context)


def _is_of_something(texts: Sequence[str], match: Match[str], sentence: Sentence) -> bool:
    """`our parcel API` is that interface, a wish of its own, and not HTTP requests as such."""
    if match.entry != "http_request" or not match.first:
        return False
    before = sentence.words[match.first - 1]
    gap = sentence.text[before.end - sentence.start : sentence.words[match.first].start - sentence.start]
    return gap.isspace() and texts[match.first - 1] not in _FILLER


def _is_object(texts: Sequence[str], match: Match[str], covered: set[int]) -> bool:
    """Whether a verb such as `use` or `add` stands before it, with nothing between but articles and other tools."""
    for index in range(match.first - 1, max(-1, match.first - _REACH - 2), -1):
        if texts[index] in SPEAKS_OF_TOOLS or texts[index] in _CHANGES_TOOLS:
            return True
        if texts[index] not in _BETWEEN and index not in covered:
            return False
    return False


_BETWEEN = vocabulary("the our my a an its their some any of to on with and or also just please for it")


def _alone(texts: Sequence[str], match: Match[str]) -> bool:
    """Whether a hint is a thing by itself: `use email`, not `use email marketing experience`."""
    after = texts[match.last] if match.last < len(texts) else ""
    return after in _BREAKS


_BREAKS = vocabulary(
    """
    and or to for so but when if as tool tools access too also please instead with api integration that which because
    in on at the a an only not search from every by then
    """
) | {""}


def _near(sentence: Sentence, context: Context) -> list[Match[str]]:
    single = context.catalogue.hinted_words.single_words
    known = tuple(single)
    found: list[Match[str]] = []
    for index, word in enumerate(sentence.words[:40]):
        meant = near(word.text, known)
        if meant and word.text not in _COMMON:
            found.append(Match(single[meant], index, index + 1))
    return found


_COMMON = vocabulary(
    """
    note notes later time times ties tea link sale sales email mail male teams steam phase phrase please search
    reach call tell sell table cable label file fine line like love live more make same game date data days does
    done
    """
)


def _polarity(
    before: list[str], gap: str, wanted: bool, kind: str, sentence: Sentence, match: Match[str], knows_something: bool
) -> tuple[bool, str]:
    """Whether a tool is wanted, by the words between it and the tool before; and what said that it is not.

    Before anything is known there is nothing to remove: `delete appointments` is what the agent does.
    """
    said = " ".join(before)
    if re.search(r"\b(?:don't|do not|didn't|never) forget\b|\bforgot\b", said):
        return True, ""
    if re.search(r"\b(?:instead of|rather than|in place of|get rid of|leave out|take out|turn off)\b", said):
        return False, "without"
    if any(verb in before for verb in ("replace", "swap", "switch", "exchange", "substitute", "change")):
        return ("to" in before and "from" not in before), "replace"
    if kind == "replace" and {"with", "for", "to", "by"} & set(before):
        return True, ""
    for text in reversed(before):
        if text in _RESTORING and not _denied(before, text):
            return True, ""
        if text in _REMOVING and (knows_something or text in ("without", "except", "minus", "exclude")):
            return False, "remove"
        if text in _DENYING:
            return False, "not"
    if not before and not wanted and kind == "not" and "," in gap:
        return _continues(sentence, match), kind
    if before and not wanted and not {"and", "or", "nor", "the", "a", "any"} & set(before):
        return True, ""
    return wanted, kind


def _denied(before: Sequence[str], text: str) -> bool:
    """Whether `not`, `don't` or the like stands before a verb such as `use`."""
    place = len(before) - 1 - list(reversed(before)).index(text)
    return bool(set(before[max(0, place - 3) : place]) & (_DENYING | {"instead"}))


def _continues(sentence: Sentence, match: Match[str]) -> bool:
    """`not Slack, email` wants email; `not Slack, email or Jira` does not."""
    later = [word.text for word in sentence.words[match.last :]]
    return not ({"or", "nor"} & set(later))


def _says_little_else(sentence: Sentence, mentions: Sequence[Mention]) -> bool:
    covered = sum(len(words(mention.span.text)) for mention in mentions)
    filler = sum(1 for word in sentence.words if word.text in _FILLER)
    return len(sentence.words) - covered - filler <= 1


_FILLER = vocabulary(
    """
    use uses using with and or also add please the a an it should can we i need needs want not no instead of
    forget remove drop replace swap by for to tools tool access only just actually yes ok okay sure but then too
    include don't do let's rather than maybe like would i'd plus as well have has give connect switch change
    from our my via
    """
)


def _use(reading: Reading, mentions: Sequence[Mention]) -> None:
    if found := _NO_TOOLS.search(reading.text):
        reading.add(Op.SET, FieldName.USE_TOOLS, False, [reading.span(*found.span())])
        reading.take(found.start(), 8)
    elif wanted := [mention for mention in mentions if mention.is_wanted]:
        reading.add(Op.SET, FieldName.USE_TOOLS, True, [wanted[0].span])
    elif found := _WITH_TOOLS.search(reading.text):
        reading.add(Op.SET, FieldName.USE_TOOLS, True, [reading.span(*found.span())])


def _apply(reading: Reading, mentions: Sequence[Mention], context: Context) -> None:
    """Mentions as changes: `only` sets the list, a wanted and an unwanted one make a replacement."""
    wanted = list({mention.tool: mention for mention in mentions if mention.is_wanted}.values())
    chosen = {mention.tool for mention in wanted}
    refused = list({m.tool: m for m in mentions if not m.is_wanted and m.tool not in chosen}.values())
    if wanted and not refused and _says_only(reading, wanted[0]):
        reading.add(Op.SET, FieldName.TOOLS, [m.tool for m in wanted], [m.span for m in wanted])
        return
    has = set(context.items(FieldName.TOOLS))
    pairs = [mention for mention in refused if mention.tool in has and mention.is_swapped]
    for old, new in zip(pairs, wanted, strict=False):
        reading.add(Op.REPLACE, FieldName.TOOLS, new.tool, [new.span], old=old.tool)
    for mention in wanted[len(pairs) :]:
        reading.add(Op.ADD, FieldName.TOOLS, mention.tool, [mention.span])
    paired = {mention.tool for mention in pairs[: len(wanted)]}
    for mention in refused:
        if mention.tool not in paired:
            reading.add(Op.REMOVE, FieldName.TOOLS, mention.tool, [mention.span])


def _says_only(reading: Reading, first: Mention) -> bool:
    before = reading.text[max(0, first.span.start - 20) : first.span.start].lower()
    return bool(re.search(r"\b(?:only|nothing but)(?: use| the)?\s{1,3}\Z", before))


def read_wishes(reading: Reading, context: Context) -> None:
    """Adds what the user wants and no tool of the catalogue is; to be called when everything else is read."""
    if not reading.has(FieldName.TOOLS):
        for pattern in (_WISH, _NAMED_TOOL):
            for found in pattern.finditer(reading.text):
                end = _WISH_END.search(reading.text, found.start(1), found.end(1))
                wish = reading.span(found.start(1), end.start() if end else found.end(1))
                if _is_wish(wish) and len(reading.changes) < MOST_WISHES:
                    _wish(reading, wish)
                    reading.take(wish.start, 10)
    labelled = [s for s in reading.sentences if s.label is FieldName.TOOLS and s.heading in ("tool", "tools")]
    if labelled or context.asked == FieldName.TOOLS or (context.asked == FieldName.USE_TOOLS and _lists(reading)):
        for sentence in labelled or reading.sentences[:6]:
            if labelled or not sentence.taken or reading.has(FieldName.TOOLS):
                _listed_wishes(reading, sentence)


def _is_wish(wish: Span) -> bool:
    found = words(wish.text)
    return 0 < len(found) <= LONGEST_WISH and not all(word.text in _FILLER | _EMPTY for word in found)


def _lists(reading: Reading) -> bool:
    """Whether some tools are named, so that what stands beside them are tools as well."""
    return any(change.field is FieldName.TOOLS for change in reading.changes)


_EMPTY = vocabulary(
    """
    it that this them any some tools external the right other
    """
)


def _wish(reading: Reading, wish: Span) -> None:
    if not reading.has(FieldName.USE_TOOLS):
        reading.add(Op.SET, FieldName.USE_TOOLS, True, [wish])
    reading.add(Op.ADD, FieldName.TOOLS, wish.text, [wish], is_wish=True)


def _listed_wishes(reading: Reading, sentence: Sentence) -> None:
    """The items of a list that nothing was read in; none where tools are taken out or replaced."""
    ops = {change.op for change in reading.changes if change.field is FieldName.TOOLS}
    others = [span for change in reading.changes for span in change.spans]
    if ops - {Op.ADD} or any(change.field not in ABOUT_TOOLS for change in reading.changes):
        return
    lead = _LEAD.match(reading.text, sentence.start, sentence.end)
    begin = lead.end() if lead else sentence.start
    cuts = [*_ITEM_END.finditer(reading.text, begin, sentence.end)][:MOST_WISHES]
    starts = [begin, *(cut.end() for cut in cuts)]
    for start, end in zip(starts, [*(cut.start() for cut in cuts), sentence.end], strict=True):
        item = _LEAD.match(reading.text, start, end)
        wish = reading.span(item.end() if item else start, end)
        is_read = any(span.start < wish.end and wish.start < span.end for span in others)
        if not is_read and _is_wish(wish):
            sentence.taken = True
            _wish(reading, wish)
