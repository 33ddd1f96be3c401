"""The reviewed cue lists: which English words make a sentence a decision, a question, an action and so on.

A cue's strength is a reviewed prior, in 0..1: how sure a reader may be, from these words alone, that the sentence is
of that kind. Patterns are matched against clean, lower-case text with straight apostrophes, and are tried only on
sentences that hold one of the cue's trigger words. They were written for typed English; other languages match none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.cards.models import CardKind
from chalicelib.patterns import regex


@dataclass(frozen=True, slots=True)
class Cue:
    """`needs`: how many content words the sentence must hold besides the triggers.
    `cased`: the pattern is matched against the text in its own case."""

    kind: CardKind
    strength: float
    triggers: frozenset[str]
    pattern: re.Pattern[str]
    needs: int = 1
    cased: bool = False


def _cue(kind: CardKind, strength: float, triggers: str, pattern: str, needs: int = 1, *, cased: bool = False) -> Cue:
    return Cue(kind, strength, frozenset(triggers.split()), regex(pattern), needs, cased)


_D, _A, _I = CardKind.DECISION, CardKind.ACTION, CardKind.INSIGHT
_F, _P, _Q = CardKind.FACT, CardKind.PREFERENCE, CardKind.QUESTION

_WE = r"\b(?:i|we|(?:my|our|the) (?:team|boss|client|manager|company|board|committee|group)|everyone|everybody)"
_HAVE = r"(?:'ve| have|'s| has|'d| had)?"
_ADV = (
    r"(?: (?:just|now|finally|already|all|also|then|really|recently|eventually|both|together|actually|definitely"
    r"|probably|maybe|only|still|always|no longer|strongly|simply|rather|generally|usually|personally|certainly"
    r"|quickly|jointly))*"
)
_WILL = r"(?:'ll| will|'m going to| am going to|'re going to| are going to|'m gonna|'re gonna)"
_CHOICE = (
    r"(?:go(?:ing)? (?:with|for|ahead)|us(?:e|ing)|stick(?:ing)? (?:with|to)|stay(?:ing)? with|pick(?:ing)?"
    r"|choos(?:e|ing)|drop(?:ping)?|keep(?:ing)?|adopt(?:ing)?|switch(?:ing)? to|mov(?:e|ing) to|skip(?:ping)?"
    r"|settl(?:e|ing) on|opt(?:ing)? for|stop(?:ping)? us(?:e|ing)|standardi[sz](?:e|ing) on|migrat(?:e|ing) to"
    r"|replac(?:e|ing)|support(?:ing)?|ship(?:ping)?)"
)
_STATE = (
    r"(?:be|have|had|know|see|think|say|said|admit|like|love|want|understand|mention|hear|feel|believe|guess"
    r"|suppose|assume|imagine|hope|pretend|remember|wonder|confess|agree|stress|emphasi[sz]e|point|thank|respond"
    r"|answer|speak|begin|go(?=\W*$|,| (?:soon|now|home|back|on|ahead|through|around|eat|to (?:work|bed|sleep))\b)"
    r"|not|never|also|just|only|actually|really|probably|maybe|always|do(?! (?:an?|the|some|our|my)\b)|work\W*$)"
)
_IDLE = (
    r"(?:ask|bed|sleep|die|cry|look|get|come|need|wait|try|tell|talk|show|give|let|start|call it|take|face"
    r"|continue|move on|end|finish up|discuss|pass|leave it|hit|make it|go (?:to|over)"
    r"|the|this|that|my|your|our|his|her|their|some|all|any|school|church|college)"
)
_ACT = rf"(?!{_STATE}\b)[a-z]{{2,}}"
_DO = rf"(?!{_STATE}\b)(?!{_IDLE}\b)[a-z]{{2,}}"
_ISSUE = (
    r"(?:problem|issue|cause|bottleneck|reason|lesson|insight|takeaway|risk|challenge|trick|catch|difference"
    r"|trade-?off|advantage|disadvantage|downside|upside|weakness|strength|drawback|blocker|culprit|constraint"
    r"|obstacle|benefit|mistake|concern|difficulty|secret|limitation)"
)
_VERDICT = r"(?:is|was|are|were|seems|seemed|turned out|isn't|wasn't|comes|came|lies)"
TASK = (
    r"(?:email|e-mail|call|send|write|book|buy|finish|fix|review|submit|pay|schedule|prepare|ship|publish|update"
    r"|deploy|order|renew|file|contact|return|sign|check|draft|add|remove|rename|migrate|upgrade|refactor|document"
    r"|test|invite|ping|cancel|print|clean|set up|follow up|reply|register|apply|merge|release|back up|arrange"
    r"|confirm|collect|pick up|drop off|organi[sz]e|research|investigate|measure|implement|build|design|create"
    r"|delete|replace|announce|translate|hire|rewrite|benchmark|profile|plan)"
)

# fmt: off
CUES: tuple[Cue, ...] = (
    # decisions
    _cue(_D, 0.9, "decided", rf"{_WE}{_HAVE}{_ADV} decided{_ADV} (?:to|on|that|against|not|we|i|upon|in favou?r)\b"),
    _cue(_D, 0.85, "decided agreed approved ruled",
         r"\b(?!(?:nothing|none|nobody|what|how|when|who|not)\b)\w+(?:'s|'s been| is| was| has been| have been| were)"
         r" (?:now |already |finally |all )?(?:decided|agreed|approved|ruled out)\b"),
    _cue(_D, 0.85, "chose picked selected settled opted approved rejected committed adopted dropped ruled",
         rf"{_WE}{_HAVE}{_ADV} (?:chose|picked|selected|settled on|opted (?:for|to|against)|approved|rejected"
         rf"|committed to|adopted|dropped|ruled out)\b(?! (?:up|out|off|by|in|from|him|her|them|me|you)\b)"),
    _cue(_D, 0.8, "went",
         rf"{_WE}{_ADV} went with\b(?! (?:me|us|you|him|her|them|my|his|a friend)\b)(?!.* to (?:the|a|see)\b)"),
    _cue(_D, 0.85, "chosen", rf"{_WE}(?:'ve| have|'s| has){_ADV} chosen\b"),
    _cue(_D, 0.85, "agreed", rf"{_WE}{_HAVE}{_ADV} agreed (?:to|on|that|we|upon|with)\b"),
    _cue(_D, 0.9, "decision", r"\b(?:the|my|our) (?:final )?decision (?:is|was)(?: made)? (?:to|that|not)\b"),
    _cue(_D, 0.85, "mind", r"\b(?:made|made up|changed) (?:my|our) minds?\b", 2),
    _cue(_D, 0.85, "going sticking switching using dropping moving settling keeping adopting replacing",
         rf"(?:\b(?:i'm|we're|i am|we are)|^){_ADV} (?:not )?(?:going (?:with|for)|sticking (?:with|to)"
         rf"|switching to|settling on|dropping|adopting|moving to|keeping|replacing)\b"),
    _cue(_D, 0.85,
         "go use stick stay pick choose drop keep adopt switch move skip settle opt stop standardise standardize "
         "migrate replace support",
         rf"(?:\b(?:i|we){_WILL}{_ADV}|\blet's(?: just| not)*|\blet us(?: not)?) {_CHOICE}\b"),
    _cue(_D, 0.75, "not won't",
         rf"\b(?:i|we)(?:'re not going to|'m not going to| are not going to| am not going to| will not"
         rf"| won't){_ADV} (?!be\b|have\b|say\b|get\b|know\b|see\b|go\b)[a-z]+"),
    _cue(_D, 0.7, "going go", r"^(?:going|go) with (?!the flow|me|you|him|her|them|it\b)\w"),
    _cue(_D, 0.75, "plan", r"\b(?:the|my|our) (?:new |current )?plan is (?:to|that)\b"),
    _cue(_D, 0.85, "it", r"^(?!(?:so|what|how|where|as|who|that|this|ok|yes|why|and|but|because|if|when"
         r"|whatever) )[\w.+#-]+(?: [\w.+#-]+){0,2} it is[.!]*$", 1),
    _cue(_D, 0.85, "decided", r"^(?:(?:i|we)(?:'ve| have) )?decided (?:to|on|that|against|not|we|i)\b"),
    _cue(_D, 0.7, "instead", r"(?:^|, )(?:use|go with|switch to|pick|take|choose) .*\binstead\b"),
    # actions
    _cue(_A, 0.75, "should must need needs have has got gotta ought better",
         rf"\b(?:i|we|you and i|someone|somebody)(?:'ll| will|'ve|'d)?{_ADV} (?:should|must|need to|needs to"
         rf"|have to|has to|got to|gotta|ought to|had better|better){_ADV} {_ACT}"),
    _cue(_A, 0.75, "will i'll we'll going plan intend promise i'm we're gonna want planning",
         rf"\b(?:i|we)(?:{_WILL}|'m planning to| plan to| intend to| promise to){_ADV} {_DO}"),
    _cue(_A, 0.8, "will going has needs should must",
         rf"\b(?!It|This|That|There|What|Which|He|She|They|You|Who|Everyone|Nobody)[A-Z][a-z]+ (?:will|is going to"
         rf"|has to|needs to|should|must) {TASK}\b", cased=True),
    _cue(_A, 0.7, "let's", rf"\blet's(?: also| just| then)? {_DO}"),
    _cue(_A, 0.85, "forget remember remind sure",
         r"\b(?:don't (?:let me )?forget to|remember to|remind (?:me|us) (?:to|that|about)|(?:i"
         r"|we) must not forget to)\b|^(?:please )?make sure (?:to|that|we|i)\b"),
    _cue(_A, 0.8, "next",
         r"\b(?:the|my|our) (?:next|first|last|remaining) (?:step|task|thing to do|action)s? (?:is|are"
         r"|will be)\b(?! (?:unclear|not))"),
    _cue(_A, 0.8, "to-do todo list plate",
         r"\b(?:on|to) (?:my|our|the) (?:to-?do(?: list)?|list|plate)\b", 2),
    _cue(_A, 0.75, "deadline due", r"\b(?:is|are) due (?:by|on|next|this|tomorrow|today|in)\b"),
    _cue(_A, 0.75, "need have gotta", rf"^(?:still |also |and )*(?:need to|have to|gotta) {_ACT}"),
    _cue(_A, 0.65, "need",
         r"\b(?:i|we)(?: (?:also|still|really|definitely|now|then))* need (?:an?|the|some|more|two|three|\d+"
         r"|better|new) (?!help|hand|break|minute|moment|second|bit|advice|drink|lot\b)\w", 2),
    _cue(_A, 0.8, "to", rf"^[A-Z][a-z]+ to {TASK}\b", cased=True),
    # insights
    _cue(_I, 0.9, "realised realized discovered realise realize",
         rf"{_WE}{_HAVE}{_ADV} (?:reali[sz]ed?|discovered)\b(?! (?:it|this)\b[.!]*$)", 2),
    _cue(_I, 0.85, "learned learnt noticed found figured concluded understood",
         rf"{_WE}{_HAVE}{_ADV} (?:learn(?:ed|t)(?: that| how| a lot| the hard way|,)|noticed|found (?:out|that)"
         rf"|figured (?:out|that)|concluded|understood that)\b", 2),
    _cue(_I, 0.85, "turns turned dawned clicked",
         r"\b(?:turn(?:s|ed) out|it (?:just |finally )?dawned on (?:me|us)|it (?:just |finally )?clicked)\b", 2),
    _cue(_I, 0.85,
         "problem issue cause bottleneck reason lesson insight takeaway risk challenge trick catch difference "
         "tradeoff trade advantage disadvantage downside upside weakness strength drawback blocker culprit "
         "constraint obstacle benefit mistake concern difficulty secret limitation",
         rf"\b(?:the|my|our|one|a|another)(?: \w+){{0,2}} {_ISSUE}s?(?! (?:i|we) (?:ask|say|mention"
         rf"|am asking)\b)(?: [\w'-]+){{0,7}}? {_VERDICT}\b", 2),
    _cue(_I, 0.8, "learned learnt lesson", r"\blessons? (?:learn(?:ed|t)|here)\b", 2),
    _cue(_I, 0.75, "means explains shows suggests proves implies meaning",
         r"\b(?:(?:this|that|it|which|the data|the results?)(?: also)? (?:means|explains|shows|suggests|proves"
         r"|implies|tells us)) (?!so\b|a lot\b)", 3),
    _cue(_I, 0.75, "matters key crucial important essential point",
         r"\b(?:what (?:really |actually )?matters|the key|the (?:main |whole |real )?point|the (?:most "
         r"|really )?(?:important|crucial|essential) (?:thing|part|point|aspect)) (?:here )?(?:is|was|are)\b", 2),
    _cue(_I, 0.7, "understand see now", r"\bi (?:now (?:understand|see)|(?:understand|see) now)\b", 2),
    _cue(_I, 0.65, "suspect hypothesis bet",
         r"\b(?:i|we) (?:suspect|bet)\b|\b(?:my|our) (?:hypothesis|theory|hunch|guess) is\b", 3),
    _cue(_I, 0.6, "think believe feel",
         rf"\b(?:i|we){_ADV} (?:think|believe|feel)(?: that)? (?!so\b|not\b|about\b|of\b|like\b|free\b|you\b"
         rf"|it's (?:ok|okay|fine|good|right)\b)", 4),
    _cue(_I, 0.55, "seems looks appears sounds",
         r"\b(?:it|this|that|there) (?:seems|looks|appears)(?: like| that| as)? ", 4),
    _cue(_I, 0.55, "because since",
         r"\w (?:because|since) (?!of\b)(?:the|it|we|they|our|my|that|this|there|people)\b", 3),
    _cue(_I, 0.85, "learned learnt found realised realized noticed discovered understood",
         r"\bwhat (?:i|we)(?:'ve| have)? (?:just )?(?:learned|learnt|found|reali[sz]ed|noticed|discovered"
         r"|understood)\b", 2),
    _cue(_I, 0.85, "conclusion",
         r"\b(?:came|come) to the conclusion\b|\b(?:my|our|the) (?:\w+ )?conclusion (?:is|was)\b", 1),
    _cue(_I, 0.75, "worried concerned afraid",
         r"\b(?:i'm|i am|we're|we are)(?: \w+)? (?:worried|concerned|afraid) (?:that|about)\b", 2),
    _cue(_I, 0.65, "only", r"\bthe only (?:one|thing|way|reason|option|place) (?:that|which|to|is|was|we|i)\b", 2),
    # facts
    _cue(_F, 0.85, "remember note recall mind fyi record",
         r"^(?:(?:please|just|and|also) )*(?:remember|note|keep in mind|bear in mind|be aware|fyi"
         r"|for the record)(?: that\b|[,:]? (?!to\b|when\b|how\b|that time\b|the time\b|me\b|him\b|her\b|it\b"
         r"|this\b|if\b|what\b))", 2),
    _cue(_F, 0.85, "name called", r"\bmy (?:full |first |last )?name(?:'s| is) (?!not\b)\w"),
    _cue(_F, 0.8, "i'm am",
         r"\bi(?:'m| am) (?:\d+[.!]*$|an? (?!bit\b|little\b|big\b|huge\b|fan\b|lot\b|hundred\b|sucker\b)[a-z]"
         r"|\d+ years|(?:based|located|born|allergic|vegetarian|vegan|married) ?\b|from [a-z]|responsible for"
         r"|in charge of)", 1),
    _cue(_F, 0.8, "work live study lead run own manage teach",
         r"^(?:i|we) (?:currently |now |both )?(?:work|live|study|lead|own|manage|teach)(?: (?:at|in|as|for|with"
         r"|on|near|an?|the|two|three|four|five|\d+)) ", 1),
    _cue(_F, 0.8, "our my",
         r"^(?:(?:and|but|also|so) )*(?:our|my)(?: (?!own\b)[\w'-]+){1,4}? (?:is|are|was|were|has|have|runs?|uses?"
         r"|costs?|lives?|works?|starts?|ends?|takes?|needs|supports?|contains?|expires?|sits?|consists?|owns?"
         r"|leads?|manages?|handles?|expects?|pays?|earns?|opens?|closes?)\b(?! (?:that\b|to\b|wrong\b|right\b"
         r"|good\b|fine\b))", 1),
    _cue(_F, 0.75, "use have run sell host store ship deploy employ serve",
         r"^(?:and |but |also )*we (?:currently |now |already |only |mostly |also )*(?:use|have|run|sell|host"
         r"|store|ship|deploy|employ|serve) (?!to\b|been\b|had\b|got\b|a look\b|no idea\b|a chance\b|not\b|it\b"
         r"|that\b|this\b|heard\b|seen\b|done\b)\w", 2),
    _cue(_F, 0.75,
         "is was are were has owns leads runs works lives joined costs starts ends opens closes expires uses "
         "supports",
         r"^(?!It|This|That|There|What|Which|He|She|They|You|Who|Here|These|Those|Everything|Nothing|Something|How"
         r"|Where|When|Why|If|So|And|But|Yes|No|Not|I|We|One|All|Some|My|Our|Maybe|Perhaps|Hope"
         r"|Life)[A-Z][\w.+#'-]*(?: [A-Z][\w.+#-]*){0,2} (?:is|was|are|were|has|owns|leads|runs|works|lives|joined"
         r"|costs|starts|ends|opens|closes|expires|uses|supports) (?:an?|the|our|my|in|on|at|from|for|to|about"
         r"|based|located|born|\d+|[$€£]\d+|only|version|by|written|made|owned|responsible|deprecated|allergic"
         r"|[A-Z]\w+)\b", 2, cased=True),
    _cue(_F, 0.75,
         "is are was starts ends costs runs opens closes expires has takes holds weighs contains have cost "
         "deadline",
         r"^(?:and |but |also )*(?:the|this|that|each|every|its|their|his|her)(?: [\w'-]+){1,5}? (?:is|are|was"
         r"|were|starts?|ends?|costs?|runs?|opens?|closes?|expires?|has|have|takes?|holds?|weighs?|contains?"
         r"|lives?|sits?)\b.{0,40}?(?:\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b)", 2),
    _cue(_F, 0.7, "there",
         r"^(?:and |but |so |also )*there(?:'s| is| are| were| was) (?:only |about |around |exactly |over |nearly "
         r"|currently )*(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|a hundred"
         r"|dozens of|hundreds of)\b", 2),
    _cue(_F, 0.6, "is are was were costs takes has have percent million thousand hundred",
         r"(?:[$€£]\d|\b\d[\d,.]*(?: (?:percent|million|billion|thousand|euros?|dollars?|pounds?|users?|customers?"
         r"|people|employees|years?|months?|weeks?|days?|hours?|minutes?|seconds?|ms|gb|mb|tb|kg|km|miles?)\b|%))", 3),
    _cue(_F, 0.75, "lives runs is are sits live run",
         r"^(?:and |but |also )*(?:the|this|each|every)(?: [\w'-]+){1,4}? (?:lives?|runs?|sits?|(?:is"
         r"|are) (?:hosted|stored|located|based|deployed|written|called|named|owned|maintained)) (?:in|at|on|by"
         r"|under|with|from|behind|near)\b", 2),
    _cue(_F, 0.7, "is are",
         r"^(?:and |but |also )*the(?: [\w'-]+){1,3}? (?:is|are) (?:in|at|on|under|behind|near|next to) (?:the|our"
         r"|my|an?|\w+\W*$)", 2),
    _cue(_F, 0.7, "can't cannot allowed mustn't able",
         r"^(?:and |but |also |so )*(?:i|we) (?:can't|cannot|can not|mustn't|(?:are|am) not allowed to|(?:won't"
         r"|will not|can't) be able to) (?!stand\b|wait\b|believe\b|see\b|say\b|tell\b|remember\b|think\b"
         r"|imagine\b|decide\b|help\b|find\b|get\b|do\b|go\b|make\b|just\b|really\b|be\b|have\b)[a-z]+", 2),
    _cue(_F, 0.65, "must required requires limited allowed",
         r"^(?!i\b|we\b|you\b|it\b|there\b|that\b)(?:[\w'-]+ ){1,4}?(?:must (?:not )?|may not |requires? |(?:is"
         r"|are) (?:required|limited|not allowed) to )", 3),
    _cue(_F, 0.7,
         "booked signed paid bought ordered submitted hired moved launched shipped released deployed migrated "
         "scheduled finished completed filed registered applied sent",
         r"\b(?:i|we)(?:'ve| have)?(?: (?:already|just|finally|also|now))* (?:booked|signed|paid|bought|ordered"
         r"|submitted|hired|launched|shipped|released|deployed|migrated|scheduled|finished|completed|filed"
         r"|registered|applied|sent|moved to)\b", 2),
    _cue(_F, 0.7, "is are was",
         r"\b(?:port|version|number|id|code|address|limit|price|cost|budget|deadline|size|maximum|minimum|max|min"
         r"|total|rent|salary|birthday|phone) (?:is|are|was) .{0,20}?\d", 1),
    # preferences
    _cue(_P, 0.9, "prefer", rf"\b(?:i|we)(?:'d| would)?{_ADV} prefer\b"),
    _cue(_P, 0.85, "rather", r"\b(?:i|we)(?:'d| would)(?: much| really| definitely)? rather\b"),
    _cue(_P, 0.85, "favourite favorite preference preferred",
         r"\bmy (?:\w+ ){0,2}(?:favou?rite|preferred|preference)\b"),
    _cue(_P, 0.8, "fan", r"\bi(?:'m| am| was)(?: not| never)?(?: \w+)?(?: an?| the)?(?: \w+)? fan of\b"),
    _cue(_P, 0.8, "like love enjoy hate dislike stand adore loathe",
         r"\b(?:i|we)(?: (?:really|absolutely|also|just|do|don't|do not|always|still|never|quite|definitely|much"
         r"|particularly|especially|personally|actually|generally|usually))* (?:like|love|enjoy|hate|dislike|adore"
         r"|loathe|can't stand|cannot stand)\b(?! (?:to (?:say|think|see|know|hear|ask|admit|point|thank|mention)"
         r"|you\b|how about|i said|when you|what you|(?:it|that|this|them)[.!,]*$|that idea|the idea|the sound))"
         r"|\b(?:i|we) (?:can't|cannot) stand\b"),
    _cue(_P, 0.7, "like love",
         r"\b(?:i|we)(?:'d| would)(?: really| also)? (?:like|love) (?!to (?:know|ask|thank|see|hear|say|talk"
         r"|discuss|understand|point|start|begin|move|go|make|add|ask|be|have|mention|congratulate|welcome|remind"
         r"|think|do)\b|you to\b|that\b[.!]*$)", 2),
    _cue(_P, 0.75, "always never now",
         r"^(?:please )?(?:always|never) (?!mind\b|again\b|been\b|had\b|seen\b|the\b|a\b|knew\b|thought\b|ever\b"
         r"|heard\b|was\b|is\b|wanted\b|said\b)[a-z]+\b|\bfrom now on\b", 1),
    _cue(_P, 0.7, "want wants",
         r"\b(?:i|we)(?: (?:really|just|only|do|don't|also|no longer))* want (?!to (?:know|ask|say|see|talk|thank"
         r"|make sure|understand|hear|start|go|be|do|get|have|add|think|point|discuss|check|come|mention"
         r"|emphasi[sz]e|read|focus|try)\b|you\b|it\b|that\b|this\b)(?:\w)", 2),
    _cue(_P, 0.7, "tend usually typically", r"\bi (?:tend to|usually|typically) (?!be\b|think\b|agree\b)[a-z]+", 2),
    _cue(_P, 0.75, "works suits", r"\b(?:works?|suits?) (?:best|better|well) for (?:me|us)\b", 2),
    _cue(_P, 0.75, "don't do avoid stop",
         r"^(?:please |and |but |so )*(?:don't|do not|avoid|stop) (?!worry\b|know\b|think\b|mind\b|get me\b"
         r"|forget\b|be\b|you\b|say\b|care\b|have\b|want\b|need\b|like\b|see\b|it\b|that\b|this\b|bother\b"
         r"|understand\b|remember\b|let\b|feel\b|make\b|really\b|even\b)[a-z]+"),
    _cue(_P, 0.65, "nice great good better useful helpful",
         r"\bit would be (?:nice|great|good|better|useful|helpful|lovely) (?:to|if)\b", 2),
    _cue(_P, 0.75, "never",
         r"\bi(?:'ll| will| would|'d) never (?:ever |again )*(?:use|buy|work|go|eat|drink|touch|choose|recommend"
         r"|live)\b"),
    # questions asked without a question mark
    _cue(_Q, 0.8, "wonder wondering unsure sure",
         r"\b(?:(?:i|we)(?:'m| am|'re| are)?(?: just| also| still)? (?:wonder|wondering)|(?:i'm|i am|we're"
         r"|we are)?(?: still)?\b(?:not sure|unsure)) (?:if|whether|how|what|which|why|when|where|who)\b", 1),
    _cue(_Q, 0.75, "know",
         r"\b(?:i|we)(?: still)? (?:don't|do not)(?: really| yet)? know (?:yet )?(?:if|whether|how|which|why|when"
         r"|where) ", 2),
    _cue(_Q, 0.85, "question",
         r"\b(?:the|my|our|one|an|another)(?: \w+)? question (?:is|remains|was)\b(?! (?:not|very|a|good)\b)", 2),
    _cue(_Q, 0.75, "decide figure clarify",
         r"\b(?:i|we) (?:still )?(?:need|have|must) (?:to )?(?:decide|figure out|clarify|find out) (?:if|whether"
         r"|how|which|what|who|when|where|between|on)\b", 2),
    _cue(_Q, 0.8, "get understand",
         r"\b(?:what )?i (?:still |just )?(?:don't|do not) (?:get|understand)(?: is)? (?:why|how|what|where"
         r"|when)\b", 1),
    _cue(_Q, 0.75, "decide torn",
         r"\b(?:can't|cannot) decide (?:between|whether|if|which|on|what)\b|\btorn between\b", 1),
)
# fmt: on
