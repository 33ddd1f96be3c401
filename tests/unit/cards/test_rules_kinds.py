"""Which sentences the rules extractor makes cards of, kind by kind, and which it leaves alone."""

from __future__ import annotations

import pytest

from chalicelib.cards.models import CardKind, SourceMessage
from chalicelib.cards.rules import extract

CARDS: dict[CardKind, tuple[str, ...]] = {
    CardKind.DECISION: (
        "I decided to go with Postgres.",
        "we've finally agreed on the blue logo",
        "Let's go with option B.",
        "We chose the smaller flat because it is quiet.",
        "Nope, I decided against a second server.",
        "I'm going with the night train to Vienna",
        "We're not going to support Windows 7.",
        "Decision: keep the old name",
        "WE DECIDED TO MOVE THE LAUNCH TO JUNE",
        "The final decision was to hire two people.",
        "After some thought we'll keep MySQL for the archive.",
        "Actually scrap that, use the read replica instead.",
    ),
    CardKind.ACTION: (
        "We should email Ana by Friday",
        "TODO: write the release notes",
        "I need to renew my passport before June.",
        "I'll draft the proposal tomorrow 🎉",
        "Don't forget to water the plants",
        "Remind me to call the dentist",
        "- [ ] book the flights",
        "Ana will review the contract.",
        "Let's do a dry run next Thursday.",
        "Send the invoice to Marta by noon",
        "need to check the CI minutes",
        "Tom to send the slides",
    ),
    CardKind.QUESTION: (
        "Do we need a cache?",
        "What happens to open orders after the cutover?",
        "should we use redis or rabbit",
        "I wonder whether two regions are worth it.",
        "Not sure if the lease covers pets.",
        "¿Necesitamos una caché?",
        "هل نحتاج إلى ذاكرة مؤقتة؟",
        "キャッシュは必要ですか？",
        "What do you think about Postgres?",
        "Can you explain why the index is ignored?",
        "I can't decide between tea and coffee",
        "DO WE NEED A LAWYER?",
    ),
    CardKind.INSIGHT: (
        "I realised the bottleneck is the network",
        "It turns out the cache was never warmed.",
        "The main problem with the importer is that it reads the whole file.",
        "We noticed that visitors leave at step three.",
        "Lesson learned: never deploy on a Friday",
        "What I learned is that small batches beat big ones.",
        "I've come to the conclusion that we overengineered the queue.",
        "My biggest takeaway from the interviews is that nobody reads the manual.",
        "I'm worried that the retry logic hides real failures.",
        "That explains the strange spikes in the latency graph.",
    ),
    CardKind.FACT: (
        "Our office is in Lisbon",
        "remember that our budget is 40k",
        "My name is Tom and I work at a bank.",
        "The launch is on Tuesday",
        "Ana is our designer",
        "I'm allergic to nuts",
        "We use Python 3.11 in production",
        "The report costs $400 per month.",
        "There are 12 people in the choir.",
        "We've booked the 9:40 train to Ghent.",
        "The runbook lives in docs/runbook.md",
        "We can't use triggers because the vendor forbids them.",
    ),
    CardKind.PREFERENCE: (
        "I prefer dark mode",
        "I'd rather have short answers",
        "I don't like long meetings",
        "my favourite editor is Vim",
        "Always answer in French please",
        "Please never use emojis in the runbook.",
        "I'm not a big fan of spreadsheets",
        "I want the screen to be minimal",
        "don't suggest MongoDB again",
        "I usually work late at night",
        "I'd love a hotel near the river",
    ),
}
SENTENCES = [(kind, text) for kind, texts in CARDS.items() for text in texts]

NO_CARD: dict[str, tuple[str, ...]] = {
    "not decided": (
        "We haven't decided on a database yet.",
        "Nobody decided to use Oracle.",
        "I never decided to leave.",
        "Nothing is decided.",
        "We might go with Redis.",
        "I don't think we decided to go ahead.",
        "I decided nothing.",
    ),
    "only supposed": (
        "If we decided to go with Redis we would want more memory",
        "Suppose I prefer tea.",
        "Unless legal objects, we will ship the new terms.",
        "Imagine we agreed to sell the house.",
        "We should have decided earlier.",
        "Let's say we have ten times the traffic.",
    ),
    "somebody else's words": (
        'He said "we decided to use Kafka" yesterday',
        "“I prefer tea. I hate coffee,” she said.",
        "> we decided to use the old one",
        "«Our office is in Lisbon»",
    ),
    "nothing to do": (
        "I'll see you tomorrow",
        "I will think about it",
        "let's see what happens",
        "We should be fine",
        "I have to say this is great",
        "I am going to the gym",
        "I'll be there in 5 minutes",
        "Sorry, I gotta go soon",
        "- [x] book the flights",
    ),
    "no question to keep": (
        "How are you?",
        "How are you doing today?",
        "We decided on Postgres, right?",
        "It works now, doesn't it?",
        "What's up?",
        "Really?",
        "Can you hear me?",
        "Who knows?",
        "What do you think?",
        "Can you rewrite this email?",
        "Does that make sense?",
    ),
    "small talk": (
        "I think that's fine",
        "I like it",
        "Thanks, I love it!",
        "I noticed.",
        "hmm interesting, i didn't know that",
        "I'm a bit tired",
        "We went for lunch.",
        "I went with Ana to the cinema",
        "Mm . Yeah .",
        "{vocalsound}",
        "The weather was lovely, so I walked along the river.",
    ),
    "another language": (
        "Ich habe entschieden, Postgres zu nehmen.",
        "Todo el mundo lo sabe",
        "Er hat recht.",
        "我们决定使用数据库。",
    ),
    "no prose": (
        "```\nwe decided to use tabs\n```",
        "~~~\nI prefer spaces\n",
        "| we decided to | use tabs |",
        "https://example.com/we-decided-to-go",
        "`TODO: fix the parser`",
        "if (x == 1) { return we.decided(to); }",
        "## TODO: the heading",
        "🎉🎉🎉",
        "",
        " \r\n\t ",
    ),
}
SILENT = [(why, text) for why, texts in NO_CARD.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), SENTENCES)
def test_a_plain_sentence_becomes_one_card_of_its_kind(kind: CardKind, text: str) -> None:
    """One sentence gives one card, of the kind a reader would choose."""
    assert [card.kind for card in extract([SourceMessage(1, "user", text)])] == [kind]


@pytest.mark.parametrize(("why", "text"), SILENT)
def test_what_is_no_claim_becomes_no_card(why: str, text: str) -> None:
    """Negated, supposed, quoted, coded, foreign or empty talk gives no card."""
    assert extract([SourceMessage(1, "user", text)]) == [], why


def test_cards_come_in_reading_order() -> None:
    """Cards are ordered by where their first evidence stands."""
    cards = extract([SourceMessage(number, "user", text) for number, (_, text) in enumerate(SENTENCES)])
    places = [(card.citations[0].message_id, card.citations[0].start) for card in cards]
    assert places == sorted(places)


def test_a_dense_dialogue_loses_nothing() -> None:
    """Where an assistant answers each message, every sentence worth a card gets one."""
    texts = [text for _, text in SENTENCES]
    dialogue = [
        message
        for number, text in enumerate(texts)
        for message in (SourceMessage(2 * number, "user", text), SourceMessage(2 * number + 1, "assistant", "Noted."))
    ]
    assert len(extract(dialogue)) == len(texts)
