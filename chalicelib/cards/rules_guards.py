"""What speaks against a card, or colours it: suppositions, doubt, hedges, chatter, code; labels; common words."""

from __future__ import annotations

import re

from chalicelib.cards.models import CardKind
from chalicelib.cards.rules_cues import TASK
from chalicelib.patterns import regex

_WORDS = regex(r"\S+")
_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|tonight|today|(?:next|this) (?:week|month|quarter|sprint"
    r"|year)|(?:the )?end of (?:the |this |next )?(?:day|week|month|quarter|year|sprint)|eod|eow|noon|midnight"
    r"|(?:jan(?:uary)?|feb(?:ruary)?|march|april|may|june|july|aug(?:ust)?|sept(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?) \d{1,2}|\d{1,2}(?:st|nd|rd|th)|\d{1,2}(?::\d\d)? ?[ap]m|\d{4}-\d\d-\d\d"
)
ANY_DAY = regex(rf"\b(?:(?:by|before|until|due|on|at|for) )?(?:{_DAY})\b")

# What a line or the heading above it may call itself; `_` stands for a space.
_LABELLED = {
    CardKind.ACTION: (
        "todo todos to-do to_do action actions action_item action_items next_step next_steps task tasks "
        "reminder plan fixme"
    ),
    CardKind.DECISION: "decision decisions decided agreed",
    CardKind.QUESTION: "question questions open_question open_questions q",
    CardKind.INSIGHT: (
        "insight insights lesson lessons lesson_learned lessons_learned takeaway takeaways key_takeaway "
        "key_takeaways learning learnings"
    ),
    CardKind.FACT: "fact facts note fyi nb important heads_up caveat warning context background",
    CardKind.PREFERENCE: "preference preferences",
}
LABELS = {name.replace("_", " "): kind for kind, names in _LABELLED.items() for name in names.split()}
_NAMES = "|".join(sorted((re.escape(name) for name in LABELS), key=lambda name: (-len(name), name)))
LABEL = regex(
    rf"\W{{0,3}}(?:(?i:ok|okay|so|and) )?((?i:{_NAMES}))\W{{0,2}}(?:[:：]\W{{0,2}}\s?| [-–—] )|(TODO|FIXME)\b\s?"
)
TITLE_LEAD = regex(
    LABEL.pattern
    + r"|(?i:(?:please |just |and |also )*(?:remember|note|keep in mind|bear in mind|be aware|fyi|for the record)"
    r"(?: that\b|[,:])\s*)"
)

# What turns a cue before which it stands into no claim at all.
SUPPOSED = regex(
    r"\b(?:if|unless|suppos(?:e|ing)|imagin(?:e|ing)|assum(?:e|ing)|pretend|whether|in case|hypothetically|what if"
    r"|(?:would|could|might|should) have|let's (?:say|assume|suppose|imagine|pretend)|as though|say"
    r"|had)\b(?! possible\b)"
)
DOUBTED = regex(
    r"\b(?:(?:don't|do not|didn't|did not|doesn't|does not|not|never|can't|couldn't|wouldn't)(?: \w+)? (?:think"
    r"|believe|say|said|mean|feel|claim|remember|recall|know|sure|clear|true|certain|convinced|agree|agreed)"
    r"|doubt|unsure|nobody|no one|none of|wish|hope|pretend(?:s|ed)?|haven't|hasn't|have not|has not|almost|nearly"
    r"|unclear)\b"
)
REPORTED = regex(
    r"\b(?!i\b|we\b)\w+ (?:said|says|claims|claimed|told|thinks|thought|wrote|suggested|suggests|argued|argues"
    r"|believes|wants|asked|insists)\b"
)
HEDGES = regex(
    r"\b(?:maybe|perhaps|probably|possibly|might|i guess|i suppose|kind of|kinda|sort of|sorta|not sure|or something"
    r"|or whatever|somehow|i dunno)\b"
)
STAMMER = regex(r"\b(?!that\b|had\b|very\b|really\b|far\b|long\b|many\b|much\b|\d)(\w+)(?: |, )\1\b")
CONCRETE = regex(r"\d|(?<=[a-z,] )(?!I\b|I')[A-Z]\w+")
CODE_SIGNS = regex(r"[{}<>=;|\\^~]|\(\)|::|->|&&")
IMPERATIVE = regex(
    rf"^(?:please |also |then |and |first |just )*{TASK}\b(?! (?:is|was|went|are|were|of|on|for|in|has|had|will|by"
    rf"|did|from)\b)"
)

# Questions that are not worth a card.
CHATTER = regex(
    r"^(?:hi |hey |hello |so |and |but |well |oh |ok |okay |, )*(?:"
    r"how(?:'s| is| are| have| do| was)(?: it going| things| you(?: been| doing| do| today| all| guys| feeling)*"
    r"| your (?:day|weekend|evening|morning|week))"
    r"(?: (?:today|tonight|this \w+|there|so far|then|now|my friend))*\W*$"
    r"|what(?:'s| is) (?:up|new|happening|going on)\b(?: (?:today|there|with you))?\W*$|(?:are )?you (?:there|ok"
    r"|okay|ready|sure|kidding|serious|joking)\b"
    r"|(?:do )?you know what|guess what|who (?:knows|cares|would have thought|wouldn't)|why (?:not|me|bother)\W*$"
    r"|(?:do )?(?:you )?know what i mean"
    r"|(?:does|do) (?:that|this|it|i) (?:all )?make (?:any )?sense|is (?:that|this|it|everything|everyone"
    r"|everybody) (?:ok|okay|right|fine|correct|clear|all right|alright|ready|good|cool)\b(?: \w+){0,3}\W*$"
    r"|can (?:you|anyone|everybody|everyone) (?:hear|see) (?:me|us|this|it)|(?:can|may|could) i (?:just )?(?:ask"
    r"|say|interrupt)\b|(?:any|other|more) (?:other |more )?(?:thoughts|ideas|questions|comments|suggestions"
    r"|feedback)\b"
    r"|what the (?:hell|heck|f\w+)|are you (?:an? )?(?:ai|bot|human|robot|real)\b|do you (?:understand|agree|see"
    r"|follow)\W*$"
    r"|(?:isn't|wasn't|aren't) (?:it|that|this|life) |how (?:cool|great|nice|lovely|weird|awesome|amazing|hard can"
    r"|wonderful|crazy)\b"
    r"|what could (?:possibly )?go wrong|is it (?:just|only) me|(?:any|some)(?:thing|one|body) else\W*$"
    r"|what else\W*$|shall we (?:start|begin|move on|go on|continue|go)\b"
    r"|remember (?:when|me)\b|what can i (?:say|do)\W*$|you see|see\W|what was (?:that|i saying)|sorry\b|pardon"
    r"|excuse me|what did (?:you|i) (?:just )?say)"
)
_AUX = r"(?:is|are|was|were|do|does|did|have|has|had|can|could|should|would|will|wo|ca|ai|must|am)"
TAG_QUESTION = regex(
    rf"(?:,|\.\.+|-|—) ?(?:right|ok|okay|yeah|yes|no|huh|eh|hm+|correct|you know|you see|see|or what|alright"
    rf"|all right|agreed|true|or not|or no|{_AUX}(?:n't| not)? (?:i|you|he|she|it|we|they|that|there|this"
    rf"|one))(?: then)?\W*$"
    rf"|^(?!(?:(?:so|and|but|or|then) )*(?:{_AUX}(?:n't)?|what|how|why|when|where|which|who|shall"
    rf"|may)\b).*\b(?:right|ok|okay|yeah|huh|correct|you know|{_AUX}n't (?:i|you|he|she|it|we|they|that"
    rf"|there))\W*$"
)
REQUEST = regex(
    r"^(?:hi |hey |so |and |but |ok |okay |please |, )*(?:(?:can|could|would|will) you (?:please |kindly |just "
    r"|also |maybe |quickly |now |then )*"
    r"(?:write|rewrite|fix|make|give|show|summari[sz]e|translate|format|generate|create|list|help|send|repeat|read"
    r"|do|try|add|remove|change|update|draft|provide|shorten|expand|convert|print|look|turn|put|go|continue"
    r"|proofread|edit|improve|find|say|speak|pass|take|move|start|open|close|stop|let|get|hold|be|rephrase"
    r"|elaborate|correct|mind)\b"
    r"|would you mind|(?:do|would) you (?:want|like) (?:me|us) to|(?:can|could|may|shall) (?:i|we) (?:have|get|see"
    r"|go|move|start|just|come|take|leave|please)\b)"
)
QUESTION_OPENING = regex(
    rf"(?:^|, |; |^(?:so|and|but|or|then|also|now|because|ok|okay|well|hey|hi) )(?:what|how|why|when|where|which"
    rf"|who|whose|shall|may|might|{_AUX})(?:n't|'s|'re|'d|'ll)? "
)
UNMARKED_QUESTION = regex(
    r"(?:(?:so|and|but|also|hey|hi|ok|okay|well) )*(?:(?:what|how|why|when|where|which|who)(?:'s|'re| is| are| do"
    r"| does| did| should| can| could| will| would| was| were| about| to) "
    r"|how (?:much|many|long|often) |which \w+ (?:should|is|are|do|does|can|would) |(?:do|does|did|should|shall"
    r"|can|could|is|are|will|would) (?:we|i|it|the|this|that|there|our|my|they|anyone|someone)\b)"
)

# A statement without a cue: an errand for the reader, one that leans on what came before, one that judges.
ERRAND = regex(
    r"^(?:ok |okay |so |and |now |then |please |thanks |thank |hi |hello |hey )*(?:write|rewrite|make|give|show"
    r"|tell|explain|summari[sz]e|translate|format|generate|create|list|help|send|try|use|thanks|thank|sorry"
    r"|welcome|please|add|remove|change|fix)\b"
)
LEANING = regex(
    r"(?:(?:and|but|so|or|because|cause|then|also|like|well|yeah|if|when|which|that|that's|it|it's|this|these"
    r"|those|they|they're|he|she|he's|she's|there) )"
)
JUDGING = regex(
    r"\b(?:too|better|best|worse|worst|more|less|most|important|good|bad|great|hard|easy|easier|harder|should"
    r"|could|might|expensive|cheap|useful|useless|difficult|nice|simple|complicated|need|needs|because|works?"
    r"|fails?)\b"
)

# Words that tell nothing by themselves.
COMMON_WORDS = frozenset(
    _WORDS.findall(
        """
        a able about above across actually after again against ago ah all almost alone along already alright
        also although always am an and another any anybody anyone anything anyway are aren't around as ask
        at away awesome back bad basically be because been before being best better between big bit both but
        by bye came can can't cannot case come comes coming congrats congratulations cool could couldn't
        course day did didn't different do does doesn't doing don't done down each either else end enough er
        even ever every everybody everyone everything exactly far feel few fine first for from full get gets
        getting give go goes going gone gonna good got great guess had hadn't haha hahaha happen happened
        happens has hasn't have haven't having he he's hear heard hello her here here's hers hey hi him his
        hm hmm hope how how's however i i'd i'll i'm i've if in into is isn't it it'd it'll it's its just
        keep kind knew know knows last later least less let let's like little lol long look looks lot lots
        made make makes making many matter may maybe me mean means mhm might mind mine mm more most much
        must my need needs never new next nice no nobody none nope nor not nothing now of off oh ok okay omg
        on once one ones only or other others our ours out over own particular people perhaps please point
        possible possibly pretty probably put quite rather ready real really right said same saw say saying
        says see seem seems seen shall she she's should shouldn't show since so some somebody somehow
        someone something sometimes somewhere soon sorry sort start still stuff such sure take takes talk
        tell than thank thanks that that'd that'll that's the their them then there there's these they
        they'd they'll they're they've thing things think thinking this those though thought through time to
        today together too took true try trying two uh uhm um under understand until up upon us use used
        very wait want wanted wants was wasn't way ways we we'd we'll we're we've well went were weren't
        what what's whatever when where where's whether which while who who's whole whom whose why will wish
        with without won't wonder word work works would wouldn't wow yeah yep yes yet you you'd you'll
        you're you've your yours
        """
    )
)
