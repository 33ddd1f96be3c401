"""What holds for any sequence of messages, whoever writes them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.designer import dialogue, stages
from chalicelib.designer.checks import check_workflow
from chalicelib.designer.context import context_of
from chalicelib.designer.design import design_of
from chalicelib.designer.exports.formats import FORMATS, export, read_design, state_of
from chalicelib.designer.models import FieldName, Source, StageName, Status
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.tools.catalogue import catalogue
from chalicelib.designer.workflow import synthesize
from tests.support.design import Talk

PHRASES = (
    "hi",
    "yes",
    "no",
    "skip",
    "undo",
    "help",
    "cancel",
    "maybe",
    "that's all",
    "a support bot that answers questions",
    "actually a sales bot",
    "answer questions and issue refunds",
    "formal",
    "less formal",
    "like a pirate",
    "Slack and email",
    "not Slack, email",
    "only the calendar",
    "forget the email",
    "also add search",
    "our Frobnicator 3000",
    "connect to SAP",
    "no tools",
    "go back to tone",
    "go back to tools",
    "go back to workflow",
    "go back",
    "no approval for Slack",
    "ask me before sending email",
    "remove the goal about refunds",
    "never promise refunds",
    "call it Heidi",
    'Tone: \'quoted\' {{x}} """ @SPECS@',
    "what's the weather?",
)
MESSAGES = st.lists(
    st.one_of(
        st.sampled_from(PHRASES),
        st.lists(st.sampled_from(PHRASES), min_size=2, max_size=3).map(", ".join),
        st.text(max_size=60),
        st.text(alphabet="abcSlack notemail,.;:!?'\"-\n\t", max_size=60),
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_any_messages_keep_the_state_valid_and_every_quote_verbatim(messages: list[str]) -> None:
    """Nothing raises; what is asked is unknown or was gone back to; one question ends each reply (`Talk` checks the
    quotes, and that the state survives JSON)."""
    talk = Talk()
    for message in messages:
        before = talk.state
        turn = talk.say(message)
        state = turn.state
        assert before.version + 1 == state.version
        assert state.stage is stages.current(state)
        assert turn.missing == stages.missing(state)
        if state.asked in set(FieldName):
            asked = FieldName(state.asked)
            assert stages.lacks(state, asked) or state.reopened is not None, "what is known is not asked again"
        assert (state.status is Status.COMPLETED) == (state.stage is StageName.COMPLETED)
        assert all(field.quotes for field in state.collected_fields.values() if field.source is Source.RULES)
        assert set(turn.changed) <= set(FieldName)
        for name, (old, new) in turn.changed.items():
            assert (old, new) == (before.value(name), state.value(name))
        names = {tool.name for tool in (*catalogue(), *state.wishes)}
        assert set(state.items(FieldName.TOOLS)) <= names
        assert set(state.waived) <= set(state.items(FieldName.TOOLS))


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_undo_leads_back_to_where_the_session_was(messages: list[str]) -> None:
    """Field by field, each with its origin, for the turn before it."""
    talk = Talk()
    talk.say("hi")
    for message in messages:
        before = talk.state
        talk.say(message)
        if len(talk.state.undo) == len(before.undo) + 1:
            undone = dialogue.undo(talk.state)
            assert undone.collected_fields == before.collected_fields
            assert (undone.stage, undone.asked) == (before.stage, before.asked)
            assert (undone.waived, undone.wishes) == (before.waived, before.wishes)


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_any_session_exports_in_every_format_and_imports_again(messages: list[str]) -> None:
    """Drafts too; the workflow is sound, and Glia's own format loses nothing."""
    talk = Talk()
    talk.say("hi", *messages)
    design = talk.design
    assert [f for f in check_workflow(synthesize(design), design) if f.severity == "error"] == []
    for name in FORMATS:
        assert export(design, name).artifact
    again = read_design(export(design, "glia").artifact)
    assert again == design
    assert design_of(state_of(again), talk.tools) == design


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PHRASES), max_size=6), st.sampled_from(PHRASES), st.sampled_from(PHRASES))
def test_extractions_apply_to_any_later_version(messages: list[str], one: str, other: str) -> None:
    """Two messages read at the same version, applied one after the other: no state is torn, both are patches."""
    talk = Talk()
    for message in messages:
        talk.say(message)
    context = context_of(talk.state, talk.tools)
    first, second = RulesExtractor().extract(one, context), RulesExtractor().extract(other, context)
    after = dialogue.take_turn(dialogue.take_turn(talk.state, first, talk.tools).state, second, talk.tools).state
    assert after.version == talk.state.version + 2
    assert after.stage is stages.current(after)
    for change in second.changes:
        if change.field is FieldName.TONE:
            assert after.value(FieldName.TONE) == change.value, "on the same field the last one wins"
