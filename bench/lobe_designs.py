"""Sessions by rules from real agents' descriptions: agents/lobe_agents_first_half.jsonl.

    PYTHONPATH=. python bench/lobe_designs.py DATA/agents/lobe_agents_first_half.jsonl [--all] [--show] [--check]

The first message is an agent's title, description and tags, each on its own line; after that only `skip`, until the
design is complete. Told: how many sessions get agent type, a verbatim goal and tools from that first message by rules,
how many complete without an error in their workflow, and which tools of the catalogue named in title, description and
tags were found. The system role is not used. Thirty agents spread over the file, or all. `--check` also hands every
export to the validators of tests/validators, which installs them where they are not yet.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.support import Targets, parse, scratch
from chalicelib.designer import dialogue
from chalicelib.designer.context import context_of
from chalicelib.designer.design import Design, design_of
from chalicelib.designer.exports.formats import FORMATS, export
from chalicelib.designer.models import DesignState, FieldName, Source, Status
from chalicelib.designer.outputs import outputs
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.text import words
from chalicelib.designer.tools.catalogue import catalogue
from tests.validators.environments import VALIDATORS, command, write

COUNT, MOST_SKIPS = 30, 8


@dataclass(frozen=True)
class Result:
    title: str
    has_type: bool
    has_goal: bool
    named: frozenset[str]
    found: frozenset[str]
    is_complete: bool
    errors: int
    design: Design


def main() -> None:
    arguments = parse(
        __doc__,
        ("data", {"type": Path}),
        ("--all", {"action": "store_true"}),
        ("--show", {"action": "store_true"}),
        ("--check", {"action": "store_true"}),
    )
    agents = [json.loads(line) for line in arguments.data.read_text(encoding="utf-8").splitlines()]
    chosen = agents if arguments.all else agents[:: len(agents) // COUNT][:COUNT]
    results = [run(agent) for agent in chosen]
    if arguments.show:
        show(results)
    report(results, check(results) if arguments.check else None)


def run(agent: dict[str, Any]) -> Result:
    first = f"{agent['title']}\n{agent['description']}\n{', '.join(agent['tags'])}"
    state, _ = dialogue.start()
    for message in [first, *["skip"] * MOST_SKIPS]:
        if state.status is not Status.COMPLETED:
            extraction = RulesExtractor().extract(message, context_of(state, catalogue()))
            state = dialogue.take_turn(state, extraction).state
    design = design_of(state, catalogue())
    for format_id in FORMATS:
        export(design, format_id)
    made = outputs(design)
    return Result(
        title=agent["title"],
        has_type=by_rules(state, FieldName.AGENT_TYPE, first),
        has_goal=by_rules(state, FieldName.GOALS, first),
        named=named_tools(first),
        found=frozenset(state.items(FieldName.TOOLS)),
        is_complete=state.status is Status.COMPLETED,
        errors=sum(finding.severity == "error" for finding in made.findings),
        design=design,
    )


def by_rules(state: DesignState, name: FieldName, first: str) -> bool:
    """Whether the rules took the field from the first message, with its words as they stand there."""
    held = state.collected_fields[name]
    verbatim = all(first[quote.start : quote.end] == quote.text for quote in held.quotes)
    return held.source is Source.RULES and held.turn == 1 and bool(held.quotes) and verbatim


def named_tools(text: str) -> frozenset[str]:
    """Tools whose title or synonym stands in the text as whole words, looked for by plain search."""
    said = f" {' '.join(word.text for word in words(text))} "
    return frozenset(
        tool.name
        for tool in catalogue()
        if any(f" {' '.join(w.text for w in words(phrase))} " in said for phrase in tool.synonyms)
    )


def show(results: list[Result]) -> None:
    for result in results:
        kinds = (result.design.agent_type, result.design.goals, sorted(result.found))
        print(f"  {result.title[:60]!r}: {kinds}")


def check(results: list[Result]) -> dict[str, bool]:
    """Which validators accept the exports of all these designs."""
    with scratch() as folder:
        for number, result in enumerate(results):
            write(result.design, folder / f"{number:03}")
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        accepted = {}
        for name in VALIDATORS:
            arguments = [*command(name), str(folder)]
            done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
            accepted[name] = done.returncode == 0 and done.stdout.count("ok ") == len(results)
        return accepted


def report(results: list[Result], accepted: dict[str, bool] | None) -> None:
    count = len(results)
    named, found = Counter[str](), Counter[str]()
    for result in results:
        named.update(result.named)
        found.update(result.named & result.found)
    targets = Targets()
    print(f"lobe_agents_first_half.jsonl: {count} agents")
    for label, hits in (
        ("agent type by rules", sum(r.has_type for r in results)),
        ("a verbatim goal by rules", sum(r.has_goal for r in results)),
        ("complete", sum(r.is_complete for r in results)),
        ("workflow without errors", sum(not r.errors for r in results)),
    ):
        targets.check(f"{label}: {hits} of {count}", hits == count)
    total = named.total()
    targets.check(f"tools named and found: {found.total()} of {total} ({dict(named)})", found == named)
    for name, is_accepted in (accepted or {}).items():
        targets.check(f"{name} accepts every export", is_accepted)
    more = sum(len(r.found - r.named) for r in results)
    print(f"other tools found: {more}")
    targets.exit()


if __name__ == "__main__":
    main()
