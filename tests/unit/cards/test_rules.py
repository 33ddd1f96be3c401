"""What the rules extractor promises: which sentences become cards, what they cite, and how windows compose."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.cards.models import CardKind, DraftCard, SourceMessage
from chalicelib.cards.rules import MAX_CITATIONS, combine, extract, extract_window
from chalicelib.cards.windows import LONGEST, cut, split

USER = frozenset({"user"})


def said(*texts: str, role: str = "user") -> list[SourceMessage]:
    return [SourceMessage(number, role, text) for number, text in enumerate(texts, start=1)]


def only(cards: list[DraftCard]) -> DraftCard:
    assert len(cards) == 1, [(card.kind, card.title) for card in cards]
    return cards[0]


def quotes(cards: list[DraftCard]) -> list[str]:
    return [citation.quote for card in cards for citation in card.citations]


def test_only_the_given_roles_are_evidence() -> None:
    """Assistants' messages are never cited, unless the roles say so."""
    messages = [
        SourceMessage(1, "assistant", "I decided to go with Postgres."),
        SourceMessage(2, "user", "Fine by me."),
    ]
    assert extract(messages) == []
    assert only(extract(messages, roles=frozenset({"assistant"}))).citations[0].message_id == 1


def test_offsets_count_code_points_of_the_untrimmed_content() -> None:
    """A quote is content[start:end] of the stored text, whatever stands before it, without outer white space."""
    content = "  \n👩‍👩‍👧 é\u0301 Hello.\r\n\t I prefer dark mode \u200b\n "
    cited = only(extract(said(content))).citations[0]
    assert content[cited.start : cited.end] == cited.quote == "I prefer dark mode"


def test_each_sentence_is_cited_alone() -> None:
    """A message of several sentences gives one card each, citing that sentence only."""
    text = "Hi there! I decided to go with Postgres. The sky was grey. Do we need a cache? Our office is in Lisbon."
    cards = extract(said(text))
    assert [card.kind for card in cards] == [CardKind.DECISION, CardKind.QUESTION, CardKind.FACT]
    assert quotes(cards) == ["I decided to go with Postgres.", "Do we need a cache?", "Our office is in Lisbon."]


def test_a_long_sentence_is_cited_by_clause() -> None:
    """Talk without any punctuation is cut where a new subject begins, and joining words are not cited."""
    text = (
        "i have been thinking about it all week long and i think we should move to the new office in march "
        "and also i prefer the one near the old station and do we need a lawyer for the contract with the landlord"
    )
    cards = extract(said(text))
    assert [card.kind for card in cards] == [CardKind.ACTION, CardKind.PREFERENCE, CardKind.QUESTION]
    assert max(map(len, quotes(cards))) < 80
    assert not any(quote.startswith("and ") for quote in quotes(cards))


def test_a_supposition_reaches_over_the_clauses_of_its_sentence() -> None:
    """What follows an `if` clause in one sentence is supposed too."""
    text = (
        "If we decided to go with Redis, we should also email Ana about it, and we would want more memory in the "
        "cluster, and we need to call the vendor before the end of next week."
    )
    assert extract(said(text)) == []


def test_code_and_quoted_lines_are_passed_over() -> None:
    """Text around a fence is read; what stands in fences, quoted lines and tables is not, nor an open fence's rest."""
    text = "I prefer tabs\n```py\nwe decided to use x\n```\n> I prefer tea\n| I prefer | rum |\n```\nI prefer spaces"
    assert quotes(extract(said(text))) == ["I prefer tabs"]


def test_an_address_is_not_cut_and_says_nothing() -> None:
    """Signs in an address end no sentence, and its words are no cue."""
    text = "We decided to use https://example.com/a?b=1. It is in https://example.com/todo?we-decided-to=go now."
    assert quotes(extract(said(text))) == ["We decided to use https://example.com/a?b=1."]


def test_a_heading_names_the_kind_of_its_bullets() -> None:
    """Bullets are read one by one, without their sign, as what the heading above calls them; ticked ones are done."""
    text = (
        "Next steps:\n- Ana tests the backup\n- [x] staging is up\n\n**Decisions**\n1. Use S3 for blobs\n2) Keep SQS\n"
    )
    cards = extract(said(text))
    assert [(card.kind, card.citations[0].quote) for card in cards] == [
        (CardKind.ACTION, "Ana tests the backup"),
        (CardKind.DECISION, "Use S3 for blobs"),
        (CardKind.DECISION, "Keep SQS"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_end_sentences_unless_they_are_hard_wrapped(newline: str) -> None:
    """A short line is a sentence by itself; a long one may go on in the next, and the quote keeps the line break."""
    wrapped = newline.join(["For the record we both finally sat down together and", "decided to go with Postgres."])
    short = newline.join(["I prefer tea", "Do we need a cache?"])
    assert [card.kind for card in extract(said(short))] == [CardKind.PREFERENCE, CardKind.QUESTION]
    assert only(extract(said(wrapped))).citations[0].quote == wrapped
    assert newline not in only(extract(said(wrapped))).body


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("i decided to go with postgres.", "I decided to go with postgres"),
        ("TODO: email Ana!", "Email Ana"),
        ("**Decision:** we keep the old logo", "We keep the old logo"),
        ("So, um, we agreed to wait until June…", "We agreed to wait until June"),
        ("WE DECIDED TO STAY IN ROME!!!", "We decided to stay in rome"),
        ("Do we need a cache?? 🤔", "Do we need a cache??"),
        ("(We decided to use Redis.)", "We decided to use Redis"),
        ("I prefer   `tabs`\u00a0over spaces 👍", "I prefer tabs over spaces"),
        ("Remember that the door code is 4417", "The door code is 4417"),
        ("We chose C++", "We chose C++"),
    ],
)
def test_titles_read_well(text: str, title: str) -> None:
    """A title drops labels, lead-ins, marks and trailing signs, and starts with a capital."""
    assert only(extract(said(text))).title == title


def test_a_long_title_is_cut_at_a_word() -> None:
    """At most 80 code points, whole words, an ellipsis and no sign before it."""
    text = "I prefer a small and quiet hotel near the river, with breakfast, a garden, and parking, all of it under 90"
    title = only(extract(said(text))).title
    assert len(title) <= 80
    assert title == "I prefer a small and quiet hotel near the river, with breakfast, a garden, and…"


def test_a_body_is_the_evidence_without_noise() -> None:
    """White space is folded and transcript noise left out; every word of the body stands in the quote."""
    card = only(
        extract(said("Well , we {disfmarker} we 're going with the\t rubber case , {vocalsound} uh , I think ."))
    )
    assert card.body == "we we're going with the rubber case, I think."
    assert card.kind is CardKind.DECISION


def test_confidence_follows_the_manner_of_speech() -> None:
    """A detail raises confidence; hedging, broken speech and reported speech lower it."""

    def confidence(text: str) -> float:
        return only(extract(said(text))).confidence

    plain = confidence("we should email the lawyer")
    assert confidence("we should email the lawyer by Friday") > plain
    assert confidence("maybe we should email the lawyer") < plain
    assert confidence("we should email the the lawyer") < plain
    assert confidence("she said we should email the lawyer") < plain


def test_repeats_become_further_citations() -> None:
    """The same words under the same kind are one card that cites the first places, in order, up to a cap."""
    texts = ["I prefer dark mode.", "i prefer DARK mode!", "Ok"] * LONGEST
    card = only(extract(said(*texts)))
    assert [cited.message_id for cited in card.citations] == [1, 2, 4, 5][:MAX_CITATIONS]
    assert card.title == "I prefer dark mode"


def test_talk_is_cited_sparsely_and_evenly() -> None:
    """Of talk full of weak cues only a share is cited, and no long stretch of it is left out."""
    line = "I think the {} of the remote control looks rather dull to older people in this market."
    texts = [line.format(f"corner {number}") for number in range(LONGEST)]
    cards = extract(said(*texts))
    cited = [card.citations[0].message_id for card in cards]
    assert sum(map(len, quotes(cards))) <= 0.2 * sum(map(len, texts))
    assert max(after - before for before, after in zip([0, *cited], [*cited, LONGEST], strict=True)) <= 16


def test_a_long_stretch_without_a_cue_gives_its_fullest_statement() -> None:
    """Plain statements make no card by themselves; only one of many may stand for a long stretch of them."""
    line = "The old harbour master walked along the frozen quay with a lantern number {}."
    texts = [line.format(number) for number in range(LONGEST)]
    assert extract(said(texts[0])) == []
    assert 1 <= len(extract(said(*texts))) <= 6


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        ".",
        ". ",
        "?",
        '"',
        "“",
        "`",
        "```\n",
        "https://",
        "{disfmarker} ",
        "um, ",
        "we just ",
        "数？",
        "[",
        "\u200b ",
    ],
)
def test_a_message_of_a_hundred_thousand_code_points_is_read(unit: str) -> None:
    """Very long and monotonous messages are read to their end."""
    content = (unit * 100_000)[:100_000] + "\n\n```\n```\nI decided to go with Postgres."
    for cited in (cited for card in extract(said(content)) for cited in card.citations):
        assert content[cited.start : cited.end] == cited.quote


FRAGMENTS = (
    "I decided to go with Postgres.", "we should email Ana by Friday", "Do we need a cache?", "I prefer dark mode",
    "Our office is in Lisbon", "It turns out the cache was cold.", "How are you?", "TODO: ", "if ", "and i ",
    "because ", "```", "~~~\n",
    "`", "\r\n", "\n", "\u2028", "- ", "- [ ] ", "> ", "| ", "## ", "{disfmarker} ", "um, ", "So, ",
    "“", "”", '"', "«", "(", ")", "? ", "！", "؟", "… ", "...", "; ", "e.g. ", "**", "_", "👩‍👩‍👧", "🎉 ",
    "\u200b", "\u00a0", "https://example.com/a?b=1 ", "[x](https://example.com)", "数？", "İ", "ß", "\u0301",
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(" ".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=8).map("".join),
)
TOPICS = st.lists(st.tuples(st.sampled_from(["user", "user", "assistant"]), TEXTS), max_size=80).map(
    lambda turns: [SourceMessage(7 * number, role, text) for number, (role, text) in enumerate(turns)]
)


def windows(messages: list[SourceMessage]) -> list[list[DraftCard]]:
    return [extract_window(window, USER) for window in split(messages)]


@given(TEXTS)
@example("- [ ] ` ]`")
@settings(max_examples=400, deadline=None)
def test_any_text_gives_verbatim_and_presentable_cards(text: str) -> None:
    """No text raises; every card cites verbatim, has a short one-line title and body, and a confidence in 0..1."""
    for card in extract(said(text)):
        assert 0 < len(card.title) <= 80
        assert card.title == card.title.strip()
        assert card.body == " ".join(card.body.split()) != ""
        assert 0 <= card.confidence <= 1
        for cited in card.citations:
            assert cited.quote == text[cited.start : cited.end] == cited.quote.strip() != ""


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_body_invents_no_word(text: str) -> None:
    """The letters and digits of a body stand in its quote, in the same order."""
    for card in extract(said(text)):
        rest = iter(card.citations[0].quote)
        assert all(sign in rest for sign in card.body if sign.isalnum())


@given(TOPICS)
@settings(max_examples=60, deadline=None)
def test_incremental_equals_full(messages: list[SourceMessage]) -> None:
    """The cards of a topic are those of its windows combined, however often they were combined before."""
    full = extract(messages)
    assert full == combine(windows(messages)) == combine([combine(windows(messages))])
    assert full == extract(list(messages))


@given(TOPICS, TOPICS)
@settings(max_examples=60, deadline=None)
def test_appending_touches_the_last_window_only(old: list[SourceMessage], new: list[SourceMessage]) -> None:
    """The drafts of closed windows stay as they were when messages are appended."""
    appended = [SourceMessage(1000 + message.message_id, message.role, message.content) for message in new]
    closed = sum(window.is_closed for window in cut(old))
    assert windows(old + appended)[:closed] == windows(old)[:closed]


@given(TOPICS)
@settings(max_examples=60, deadline=None)
def test_no_card_twice_and_no_assistant_cited(messages: list[SourceMessage]) -> None:
    """No two cards of one kind say the same words, no place is cited twice, and only users' messages are cited."""
    cards = extract(messages)
    assert len({(card.kind, card.body.casefold()) for card in cards}) == len(cards)
    places = [(cited.message_id, cited.start) for card in cards for cited in card.citations]
    assert len(set(places)) == len(places)
    assert {message_id for message_id, _ in places} <= {item.message_id for item in messages if item.role == "user"}
