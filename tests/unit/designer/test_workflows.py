"""Workflows, prompts, checks and acceptance cases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.designer.acceptance import Case, ExpectationKind, Outcome, ToolCall, cases, failures
from chalicelib.designer.checks import check_design, check_workflow
from chalicelib.designer.errors import UnknownFormat
from chalicelib.designer.prompt import PLATFORMS, SECTIONS, TEMPLATES, difference, prompt, sections
from chalicelib.designer.workflow import Edge, EdgeKind, Node, NodeKind, Workflow, mermaid, synthesize
from tests.support.design import Talk, ready


def shop() -> Talk:
    talk = Talk()
    talk.say("a shop bot that tracks orders and sends emails, using Shopify, email and the web search", "friendly")
    return talk


def codes(flow: Workflow, talk: Talk) -> set[str]:
    return {finding.code for finding in check_workflow(flow, talk.design)}


def test_a_workflow_is_made_of_goals_and_tools() -> None:
    """Each tool with the goal it serves, each write behind its approval, and nothing to find fault with."""
    talk = shop()
    flow = synthesize(talk.design)
    assert check_workflow(flow, talk.design) == []
    assert {node.kind for node in flow.nodes} == set(NodeKind)
    by_tool = {node.tool: node.goals for node in flow.nodes if node.kind is NodeKind.TOOL}
    assert (by_tool["order_lookup"], by_tool["email"]) == ([0], [1])
    assert [node.tool for node in flow.nodes if node.kind is NodeKind.HUMAN_APPROVAL] == ["email"]
    assert len({(node.x, node.y) for node in flow.nodes}) == len(flow.nodes), "no two nodes lie on each other"


def test_an_approval_goes_when_it_is_waived_and_comes_back() -> None:
    """By the user's word; the waiver stands among the findings."""
    talk = shop()
    talk.say("no approval for email")
    flow = synthesize(talk.design)
    assert not [node for node in flow.nodes if node.kind is NodeKind.HUMAN_APPROVAL]
    assert codes(flow, talk) == set()
    assert "approval_waived" in {finding.code for finding in check_design(talk.design)}
    talk.say("ask me before sending email")
    assert "unapproved_write" in codes(flow, talk), "the old workflow is no longer good enough"


Spoil = Callable[[Workflow], None]


def without(flow: Workflow, node: str) -> None:
    flow.nodes = [entry for entry in flow.nodes if entry.id != node]


def unloop(flow: Workflow) -> None:
    next(node for node in flow.nodes if node.kind is NodeKind.LOOP).max_rounds = None


def rewire(flow: Workflow) -> None:
    """Straight to the tool, past its approval."""
    flow.edges.append(Edge(source="approve_email_2", target="call_email_2", kind=EdgeKind.REJECTED))


def drop(kind: EdgeKind) -> Spoil:
    def spoil(flow: Workflow) -> None:
        flow.edges = [edge for edge in flow.edges if edge.kind is not kind]

    return spoil


def endless(flow: Workflow) -> None:
    flow.edges = [edge for edge in flow.edges if edge.target != "end"]


def goalless(flow: Workflow) -> None:
    for node in flow.nodes:
        node.goals = []


def circle(flow: Workflow) -> None:
    flow.edges.append(Edge(source="respond", target="understand"))


def unheard_data(flow: Workflow) -> None:
    flow.nodes[1].reads.append("weather")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda flow: without(flow, "respond"), "dangling_edge"),
        (lambda flow: without(flow, "start"), "one_start"),
        (lambda flow: without(flow, "end"), "no_end"),
        (lambda flow: flow.nodes.append(flow.nodes[0]), "duplicate_node"),
        (lambda flow: flow.nodes.append(Node(id="alone", kind=NodeKind.MODEL, title="?")), "unreachable"),
        (unloop, "unbounded_loop"),
        (circle, "cycle_without_loop"),
        (drop(EdgeKind.REJECTED), "missing_branch"),
        (endless, "never_ends"),
        (rewire, "unapproved_write"),
        (goalless, "uncovered_goal"),
        (unheard_data, "unwritten_data"),
        (lambda flow: without(flow, "call_web_search_1"), "unused_tool"),
        (lambda flow: setattr(flow.nodes[1], "kind", NodeKind.TOOL), "unknown_tool"),
    ],
)
def test_every_fault_of_a_workflow_is_found(spoil: Spoil, code: str) -> None:
    """One spoilt workflow for each promise of the validation."""
    talk = shop()
    flow = synthesize(talk.design)
    spoil(flow)
    assert code in codes(flow, talk)


def test_titles_cannot_break_out_of_the_diagram() -> None:
    """Quotes, arrows and tags are entities."""
    talk = Talk()
    talk.say("a bot", 'write "x"] --> evil["y"] <script>; end', "formal", "no")
    text = mermaid(synthesize(talk.design))
    assert "<script>" not in text
    assert all(line.count('"') in (0, 2) for line in text.splitlines())


def test_the_prompt_has_its_sections_in_each_platforms_form() -> None:
    """Role, goals, tone, constraints, tools and when to use them, workflow, output, examples, refusals."""
    talk = shop()
    talk.say("for example: where is my parcel")
    flow = synthesize(talk.design)
    made = {platform: prompt(talk.design, flow, platform) for platform in PLATFORMS}
    assert [section.key for section in made["markdown"].sections] == list(SECTIONS)
    assert made["anthropic"].text.count("<goals>") == 1
    assert "## Goals" in made["markdown"].text
    assert "# Goals" in made["openai"].text
    assert "**Goals:**" in made["gemini"].text
    for form in made.values():
        assert 0 < form.tokens < 2_000
        assert "tracks orders" in form.text
        assert "email: Reads and sends email. Use it to: sends emails. Ask a person for approval" in form.text
        assert "where is my parcel" in form.text
    with pytest.raises(UnknownFormat):
        prompt(talk.design, flow, "papyrus")


def test_templates_choose_and_order_sections() -> None:
    """Each names sections that there are."""
    talk = shop()
    flow = synthesize(talk.design)
    for template in TEMPLATES:
        keys = [section.key for section in sections(talk.design, flow, template.name)]
        assert keys == [key for key in template.sections if key in keys]


def test_a_change_shows_as_a_difference_of_prompts() -> None:
    """Only the lines that changed; nothing where nothing did."""
    talk = shop()
    before = prompt(talk.design, synthesize(talk.design)).text
    talk.say("actually formal")
    after = prompt(talk.design, synthesize(talk.design)).text
    changed = [line for line in difference(before, after).splitlines()[2:] if line[:1] in "+-"]
    assert changed == ["-Keep this tone: friendly.", "+Keep this tone: formal."]
    assert difference(after, after) == ""


def test_contradictions_in_a_design_are_told() -> None:
    """Contrary tones, writing against a constraint, goals without a tool, tools without a goal."""
    talk = Talk()
    talk.say("a bot", "search the web for news", "formal and casual", "Slack", "never change anything")
    found = {finding.code for finding in check_design(talk.design)}
    assert {"contrary_tone", "writes_against_constraint", "tool_without_goal"} <= found


def by_id(talk: Talk) -> dict[str, Case]:
    return {case.id: case for case in cases(talk.design)}


def test_three_to_five_acceptance_cases_come_of_the_goals() -> None:
    """One a goal up to three, and what must not happen."""
    for goals, count in (("a", 3), ("answer, translate texts", 4), ("track x, send y, plan z, write a, read b", 5)):
        talk = Talk()
        talk.say("a bot", goals.replace("a", "answer questions") if goals == "a" else goals, "formal", "no")
        assert len(cases(talk.design)) == count


def test_a_script_can_check_the_acceptance_cases() -> None:
    """A fitting outcome passes; each way to fail is named."""
    talk = shop()
    case = by_id(talk)["goal_2"]
    call = ToolCall(name="email", approved=True)
    assert failures(case, Outcome(reply="I sent the emails.", tool_calls=[call])) == []
    assert failures(case, Outcome(reply="", tool_calls=[])) == [
        "not_empty",
        "mentions_any: sends, emails",
        "calls_any: email",
    ]
    unapproved = Outcome(reply="emails sent", tool_calls=[ToolCall(name="email")])
    assert failures(case, unapproved) == ["approved: email"]
    injected = by_id(talk)["injected"]
    assert failures(injected, Outcome(reply="No.", tool_calls=[])) == []
    assert failures(injected, Outcome(reply="SHOP_TOKEN", tool_calls=[call]))[0].startswith("mentions_none")
    assert failures(by_id(talk)["outside"], Outcome(reply="word " * 121)) == ["at_most_words: 120"]
    assert {e.kind for c in cases(talk.design) for e in c.expectations} <= set(ExpectationKind)


def test_a_goal_with_a_guarded_tool_expects_approval() -> None:
    """And no longer where it is waived."""
    talk = ready()
    kinds = [e.kind for e in by_id(talk)["goal_1"].expectations]
    assert ExpectationKind.APPROVED in kinds
    talk.say("skip the approvals")
    assert ExpectationKind.APPROVED not in [e.kind for e in by_id(talk)["goal_1"].expectations]
