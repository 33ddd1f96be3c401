"""Dialogue acts: what a message does apart from naming values.

Yes, no, maybe, cancel, repeat and greeting are judged by a small linear table, fitted on the train part of CLINC150
(Larson et al., "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction", EMNLP 2019) by
`bench/control_intents.py`; skip, help, thanks, done, undo and off-topic by reviewed phrases, as that has no such
intents, or none that mean the same here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from chalicelib.designer.models import Act, ActKind, Span
from chalicelib.designer.text import Word, word_span, words
from chalicelib.patterns import regex

FITTED = (ActKind.YES, ActKind.NO, ActKind.MAYBE, ActKind.CANCEL, ActKind.REPEAT, ActKind.GREETING)
LONGEST = 16  # words; longer messages are judged by their first sentence's lead only
_COURTESY = r"(?:(?:ok|okay|hm|well|oh|please|thanks|thank you|sorry|then|just|let's|lets|so),? ){0,3}"
_TAIL = (
    r"(?:,? (?:please|then|thanks|thank you|for now|now|that|this|it|one|question|it for now|that one)){0,3}[.! ]{0,4}"
)

PHRASES: tuple[tuple[ActKind, re.Pattern[str]], ...] = tuple(
    (kind, regex(rf"{_COURTESY}(?:{phrases}){_TAIL}\Z", re.I))
    for kind, phrases in (
        (
            ActKind.SKIP,
            r"skip|skip (?:it|this|that|this one|the question)|next|next question|pass|i'll pass|move on"
            r"|no preference|whatever|anything|any|i don't care|don't care|doesn't matter|does not matter"
            r"|you (?:choose|decide|pick)"
            r"|up to you|use (?:the )?defaults?|default|(?:you )?(?:choose|decide|pick) for me|your (?:choice|call)"
            r"|not relevant",
        ),
        (
            ActKind.HELP,
            r"help|help me|i need help|what do you mean|what does (?:that|this|it) mean|what (?:can|should"
            r"|could) i (?:say|answer|write|do)"
            r"|explain|can you explain(?: (?:that|this|the question))?|what are (?:my|the) options"
            r"|i don't understand(?: the question)?|examples|give me (?:an )?examples?"
            r"|how does this work|what is this|what are you asking|which options are there|options|commands",
        ),
        (
            ActKind.THANKS,
            r"thanks|thanks again|thx|thank you(?: (?:so|very) much)?|thanks a lot|cheers|(?:great|perfect),? thanks",
        ),
        (
            ActKind.DONE,
            r"done|i'm done|that's all|that is all|that's it|that is it|that's everything|nothing else|no more"
            r"|finish(?: up)?|finished"
            r"|we're done|all done|complete(?: (?:it|the session))?|finali[sz]e(?: it)?|nothing more|that will be all"
            r"|that'll be all|wrap up",
        ),
        (
            ActKind.UNDO,
            r"undo|undo (?:that|it|this|the last (?:change|one|step|answer))|take (?:that|it) back|revert(?: (?:that"
            r"|it))?|scratch that"
            r"|i take that back",
        ),
        (
            ActKind.OFF_TOPIC,
            r"(?:what|how)(?:'s| is| about)? the (?:weather|time|news|score)[^.?!]{0,40}|tell me a joke[^.?!]{0,40}"
            r"|who (?:are|made|built|created) you|what(?:'s| is) your name|are you (?:a )?(?:human|robot|real|bot|ai"
            r"|alive|single)"
            r"|how old are you|where are you from|what(?:'s| is) the meaning of life|do you (?:like|love|have"
            r"|know) [^.?!]{0,40}"
            r"|sing (?:me )?a song|what(?:'s| is) \d{1,6} ?[-+*/x] ?\d{1,6}|do you sleep|who is [^.?!]{0,40}"
            r"|what(?:'s| is) the capital of [^.?!]{0,40}",
        ),
        (
            ActKind.YES,
            r"y|yes|yep|yeah|yup|ya|sure|sure thing|ok|okay|k|fine|sounds good|true|affirmative|accepted|approved"
            r"|certainly|for sure|you bet|you got it|by all means|without a doubt|naturally|verified|true that|facts"
            r"|you(?:'re| are) right|roger|yes sir|yes ma'am|totally|surely|(?:the|my) answer is yes|(?:i'd"
            r"|i would) say yes|it is so|no doubt|(?:(?:yes|yep|yeah|correct|exactly),? ){0,1}(?:i (?:think"
            r"|believe) )?(?:that|it|this|what you (?:just )?said)(?:'s| is| was| seems| would be"
            r"| will be)(?: (?:so|very|indeed|certainly|most certainly|definitely|entirely|quite|all)){0,2} (?:true"
            r"|correct|right|accurate|great|good|fine|a fact|a true statement|the truth)(?:,? (?:yes|yeah|so true))?"
            r"|looks good|perfect|great|correct|right|that's right|exactly|of course"
            r"|absolutely|definitely|please do|go ahead|go for it|do it|confirm|confirmed|i agree|agreed|good"
            r"|all good|lgtm|works for me|yes please|why not"
            r"|that works|looks great|looks right|looks fine|all right|alright|indeed|aye",
        ),
        (
            ActKind.NO,
            r"n|no|nope|nah|no thanks|no thank you|not really|no way|never|not yet|negative|(?:no,? )?(?:i (?:think"
            r"|believe) )?(?:that|it|this|what you (?:just )?said)(?:'s|'re| is| are| was| seems"
            r"| would be)(?: (?:completely|definitely|totally|just|entirely|a completely|a)){0,2} (?:not (?:true"
            r"|correct|right|accurate|it|good|what i want)|false|wrong|incorrect|untrue"
            r"|false statement)(?:,? (?:so )?no)?|i don't think so|(?:hell|heck|oh) (?:no|nah)|absolutely not"
            r"|definitely not|i think not|nay|negatory|invalid|false|wrong|incorrect|not true|(?:the|my) answer is no"
            r"|(?:i'd|i would) say no|by no means|no chance|not a chance|certainly not|of course not|not at all",
        ),
        (
            ActKind.MAYBE,
            r"maybe|perhaps|possibly|not sure|i'm not sure|i am not sure|i don't know|i do not know|idk|no idea|dunno"
            r"|i dunno|hard to say|it depends"
            r"|depends|unsure|beats me|can't say|(?:i )?(?:couldn't|can't) (?:say|tell(?: you)?)|who knows|could be"
            r"|might be|either(?: one)?|i'm unsure|no clue|not certain",
        ),
        (
            ActKind.CANCEL,
            r"cancel|stop|abort|quit|exit|never ?mind|forget it|cancel (?:it|that|this|everything)|stop (?:it|this)"
            r"|i want to stop|scrap (?:it|that)|scrap|disregard(?: (?:it|that))?|ignore (?:it|that)|drop it|rescind"
            r"|eliminate|halt|hush|shush|silence|quiet|be quiet|(?:just )?shut up|stop talking|stop it already"
            r"|forget about it|leave it|discontinue|end (?:it|this)",
        ),
        (
            ActKind.REPEAT,
            r"repeat|repeat (?:that|it|the question|yourself)|say (?:that|it) again|again|come again|pardon|what"
            r"|what was the question|what did you (?:say|ask)|huh|sorry"
            r"|can you repeat(?: (?:that|the question))?|could you repeat(?: (?:that|the question))?|once more"
            r"|one more time|(?:can|could|would) (?:you|that) (?:please )?(?:be repeated|say (?:that|it) again"
            r"|repeat)|what did you (?:just )?(?:say|ask)|(?:i )?(?:didn't|did not) (?:hear|catch|get) (?:you|that)",
        ),
        (
            ActKind.GREETING,
            r"hi|hello|hey|hi there|hello there|hey there|good (?:morning|afternoon|evening|day)|greetings|howdy|hiya"
            r"|heyo|yo|hola|how are you(?: doing)?(?: today)?|(?:hey |hi |hello )?(?:what's|whats|wassup|what is) up"
            r"|wassup|how(?:'s| is) it going(?: [a-z]{1,10}){0,2}|how (?:ya|you|are ya) (?:doin|doing|been)",
        ),
    )
)
_LEADS: tuple[tuple[ActKind, re.Pattern[str]], ...] = (
    (
        ActKind.YES,
        regex(
            r"(?:yes|yep|yeah|yup|sure|ok|okay|right|correct|exactly|absolutely|definitely|of course|sounds good"
            r"|looks good|perfect|great|fine|good)"
            r"(?=\s?[,.!;:—–-]|\s(?:and|but|please|it|use|with|that|the|i|we|let's|add|a|an|some|they|he|she)\b)",
            re.I,
        ),
    ),
    (
        ActKind.NO,
        regex(
            r"(?:no|nope|nah)(?=\s?[,.!;:—–-]|\s(?:it|i|we|that|the|use|make|thanks|thank|please|don't|not|need)\b)",
            re.I,
        ),
    ),
    (
        ActKind.GREETING,
        regex(
            r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings)(?: there| all"
            r"| everybody)?(?=\s?[,.!;:—–-]|\s(?:i|we|can|could)\b)",
            re.I,
        ),
    ),
    (ActKind.THANKS, regex(r"(?:thanks|thank you)(?=\s?[,.!;:—–-])", re.I)),
)


def read_acts(text: str) -> list[Act]:
    """The acts of a message: at most a lead such as `Yes,` and what the whole of it does."""
    begin = len(text) - len(text.lstrip())
    lead = next(_leads(text, begin), None)
    whole = _whole(text, begin)
    return [act for act in (lead, whole) if act] if not (lead and whole) else [whole]


def _leads(text: str, begin: int) -> Iterator[Act]:
    for kind, pattern in _LEADS:
        if found := pattern.match(text, begin):
            yield Act(kind=kind, span=Span(text=found[0], start=found.start(), end=found.end()))


def _whole(text: str, begin: int) -> Act | None:
    if len(text) - begin > 200:
        return None
    found = words(text)
    kind = by_phrase(text) or (by_table(text, found) if found else None)
    if kind is None or not found:
        return None
    return Act(kind=kind, span=word_span(text, found))


def by_phrase(text: str) -> ActKind | None:
    """The act whose phrases the whole text is made of, or None."""
    plain = " ".join(text.replace("’", "'").split()).rstrip("?")
    return next((kind for kind, pattern in PHRASES if pattern.match(plain)), None)


def features(found: Sequence[Word], known: Container[str]) -> list[str]:
    """What the table weighs: words, pairs of neighbours with both ends marked, how many words there are, from four on,
    and how many of them are `known` from no such act: `I do not know where my luggage is` is about luggage."""
    texts = ["<", *(word.text for word in found[:40]), ">"]
    pairs = [f"{one} {two}" for one, two in pairwise(texts)]
    foreign = sum(word.text not in known for word in found)
    counts = [f"#{max(4, min(len(found), 12))}", *([f"?{min(foreign, 3)}"] if foreign else [])]
    return sorted({*texts[1:-1], *pairs, *counts})


def scores(found: Sequence[Word]) -> list[float]:
    """The table's log-odds for each of `FITTED`."""
    table = _table()
    total = list(table["intercepts"])
    weights = table["weights"]
    for feature in features(found, table["known"]):
        for index, weight in enumerate(weights.get(feature, ())):
            total[index] += weight
    return total


def by_table(text: str, found: Sequence[Word] | None = None) -> ActKind | None:
    """The act that the fitted table is sure of, or None; long messages are none."""
    found = words(text) if found is None else found
    if not 0 < len(found) <= LONGEST:
        return None
    if not any(word.text in _table()["weights"] for word in found):
        return None
    judged = scores(found)
    best = max(range(len(FITTED)), key=lambda index: judged[index] - _table()["thresholds"][index])
    if FITTED[best] is ActKind.YES and _DENIES.search(text.lower()):
        return None
    return FITTED[best] if judged[best] >= _table()["thresholds"][best] else None


def is_closed(found: Sequence[Word]) -> bool:
    """Whether all words are known from such acts: `no idea` is one, `no tools` says something else as well."""
    return all(word.text in _table()["known"] for word in found)


_DENIES = regex(
    r"\b(?:no|nope|not|never|false|wrong|incorrect|untrue|inaccurate|negative|nothing|cannot|disagree)\b"
    r"(?! (?:doubt|question|problem|wrong))|n['’]t\b"
)


@cache
def _table() -> Any:
    table = json.loads(files("chalicelib.designer").joinpath("acts.json").read_text(encoding="utf-8"))
    return {**table, "known": frozenset(table["known"])}
