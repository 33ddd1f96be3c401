"""What the rules read in single messages."""

from __future__ import annotations

import pytest

from chalicelib.designer.context import Context
from chalicelib.designer.models import Extraction, FieldName, StageName
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.tools.catalogue import catalogue

KNOWN = {
    FieldName.AGENT_TYPE: "shop bot",
    FieldName.GOALS: ["answer questions", "issue refunds"],
    FieldName.TONE: "friendly",
    FieldName.USE_TOOLS: True,
    FieldName.TOOLS: ["slack", "calendar"],
}


def read(message: str, asked: str | None = None, *, is_new: bool = True) -> Extraction:
    known = {} if is_new else dict(KNOWN)
    return RulesExtractor().extract(message, Context(catalogue(), asked, known, StageName.TONE))  # type: ignore[arg-type]


def values(extraction: Extraction, name: str) -> list[object]:
    return [change.value for change in extraction.changes if change.field == name]


@pytest.mark.parametrize(
    ("message", "asked", "expected"),
    [
        ("I want a friendly customer support bot that answers questions", None, "customer support bot"),
        ("Build me an agent for code review that finds bugs", None, "agent for code review"),
        ("customer support", "agent_type", "customer support"),
        ("It's a math tutor", "agent_type", "math tutor"),
        ("Could you make a chatbot for my bakery?", None, "chatbot for my bakery"),
        ("Tax Adviser\nExplains tax forms to freelancers.\ntax, forms", None, "Tax Adviser"),
        ("Title: Tax Adviser. Goals: explain forms", None, "Tax Adviser"),
    ],
)
def test_the_agent_type_is_the_users_own_phrase(message: str, asked: str | None, expected: str) -> None:
    """Without article and tone words."""
    assert values(read(message, asked), "agent_type") == [expected]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("actually a sales bot", ["sales bot"]),
        ("make it a math tutor instead, please", ["math tutor"]),
        ("change the tone for our new editor, please", []),
        ("actually the bot should be formal", []),
        ("it should also help the developer with tests", []),
    ],
)
def test_a_known_type_changes_only_where_another_is_given(message: str, expected: list[str]) -> None:
    """Other agents in a sentence are people, or the agent itself."""
    assert values(read(message, "workflow", is_new=False), "agent_type") == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("answer questions, track orders and issue refunds", ["answer questions", "track orders", "issue refunds"]),
        ("It should summarize papers", ["summarize papers"]),
        ("- plan meals\n- write shopping lists", ["plan meals", "write shopping lists"]),
        ("cancel subscriptions", ["cancel subscriptions"]),
        ("answer questions about orders", ["answer questions about orders"]),
        ("I want it to help kids with homework", ["help kids with homework"]),
    ],
)
def test_goals_are_verbatim_clauses(message: str, expected: list[str]) -> None:
    """Split where a verb follows a comma or `and`; never mistaken for an act such as cancel."""
    extraction = read(message, "goals")
    assert values(extraction, "goals") == expected
    assert extraction.acts == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("formal", "formal"),
        ("frendly and profesional", "friendly and professional"),
        ("like a pirate", "like a pirate"),
        ("not formal, casual", "casual"),
        ("it should sound warm", "friendly"),
        ("warm and personal, but not too chatty", "friendly"),
        ("professional yet approachable", "professional and friendly"),
    ],
)
def test_tones_are_named_nearly_named_or_in_words_of_ones_own(message: str, expected: str) -> None:
    """Near misses count where a tone is asked for."""
    assert values(read(message, "tone"), "tone") == [expected]


@pytest.mark.parametrize(
    "message", ["Expert in formal documentation", "It writes creative stories", "translate technical manuals"]
)
def test_an_adjective_of_something_else_is_no_tone(message: str) -> None:
    """A tone must be said of the agent."""
    assert values(read(message), "tone") == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("slak and gihtub", ["slack", "github"]),
        ("Slack, Gmail and a SQL database", ["slack", "email", "sql_database"]),
        ("it needs access to files and the calendar", ["files", "calendar"]),
        ("web search please", ["web_search"]),
    ],
)
def test_tools_are_found_by_their_synonyms(message: str, expected: list[str]) -> None:
    """Misspelt ones too, where tools are asked for."""
    extraction = read(message, "tools")
    assert values(extraction, "tools") == expected
    assert values(extraction, "use_tools") == [True]


@pytest.mark.parametrize("message", ["email marketing expert", "a writer of calendar stories", "search for meaning"])
def test_a_weak_word_alone_is_no_tool(message: str) -> None:
    """`email` is a tool where tools are spoken of, and a word elsewhere."""
    assert values(read(message), "tools") == []


def test_an_unknown_wish_stays_in_the_users_words() -> None:
    """It is marked as a wish; the catalogue is not stretched."""
    extraction = read("it should connect to our Frobnicator", "tone")
    wishes = [change for change in extraction.changes if change.field == "tools"]
    assert [(wish.value, wish.is_wish) for wish in wishes] == [("Frobnicator", True)]


@pytest.mark.parametrize(
    ("message", "stage"),
    [
        ("go back to tone", "tone"),
        ("let's revisit the goals", "goals"),
        ("change the tools", "tools"),
        ("back to the agent type please", "agent_type"),
        ("I'd like to go back to the workflow", "workflow"),
    ],
)
def test_stages_can_be_gone_back_to(message: str, stage: str) -> None:
    """And nothing else is read in that."""
    extraction = read(message, "prompt", is_new=False)
    assert (extraction.go_to, extraction.changes) == (stage, [])


def test_a_change_with_its_value_goes_nowhere() -> None:
    """`change the tone to casual` is an answer."""
    extraction = read("change the tone to casual", "prompt", is_new=False)
    assert extraction.go_to is None
    assert values(extraction, "tone") == ["casual"]


@pytest.mark.parametrize(
    ("message", "waived", "guarded"),
    [
        ("no approval for Slack", ["slack"], []),
        ("skip the approvals", ["slack", "calendar"], []),
        ("Slack doesn't need approval", ["slack"], []),
        ("ask me before using the calendar", [], ["calendar"]),
        ("always require approval for Slack", [], ["slack"]),
    ],
)
def test_approvals_are_waived_and_asked_for_by_tool(message: str, waived: list[str], guarded: list[str]) -> None:
    """Without a name it is about all of the session's tools. No tool is added or removed."""
    extraction = read(message, "workflow", is_new=False)
    assert (extraction.waived, extraction.guarded) == (waived, guarded)
    assert values(extraction, "tools") == []


def test_other_fields_are_read_where_they_are_said() -> None:
    """Name, language, channel, audience and constraints, each by its cue."""
    extraction = read(
        "I need a bot for small shops that tracks parcels. Call it Heidi. It answers in German. It runs on WhatsApp. "
        "It must never promise refunds. Output: a table."
    )
    found = {name: values(extraction, name) for name in FieldName}
    assert (found[FieldName.NAME], found[FieldName.LANGUAGE], found[FieldName.CHANNEL]) == (
        ["Heidi"],
        ["German"],
        ["WhatsApp"],
    )
    assert found[FieldName.CONSTRAINTS] == ["must never promise refunds"]
    assert found[FieldName.OUTPUTS] == ["a table"]
    assert found[FieldName.TOOLS] == []


def test_a_remark_without_anything_new_changes_nothing() -> None:
    """Small talk fills no field."""
    for message in ("hm", "interesting", "...", "", "\x00", "12345", "ok cool"):
        assert read(message, "workflow", is_new=False).changes == []
