"""Other people's software accepts the exports: each validator is a program in a locked environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.design import Talk
from tests.support.dialogues import DIALOGUES
from tests.validators.environments import HERE, VALIDATORS, command, write

DOCS = HERE.parents[1] / "docs"
ODD = (
    'Build me a bot that writes "quotes" \'\'\'and\'\'\' """more""" {{braces}} {one} \\back @SPECS@ <tag> é 😀 | ; -->',
    "tone: 'quoted' {{x}} %} {# }}",
    "Slack, our {{Frobnicator}}, web search, HTTP requests",
    'never say "no" or use {curly} brackets',
)
LONGEST_CHECK = 300  # seconds


def designs() -> dict[str, Talk]:
    """The ten scripted sessions, one with everything that could break a format, one with many tools, and a draft."""
    made = {script.name: list(script.messages) for script in DIALOGUES}
    made["odd"] = list(ODD)
    made["draft"] = ["a sales bot"]
    made["many tools"] = [
        "a bot that answers questions, plans meetings, writes reports and tracks orders",
        "formal",
        "code execution, web search, sql, email, calendar, spreadsheets, github, jira, notion, slack, files, browser, "
        "knowledge base, memory, charts, crm, stripe, weather, maps, youtube, sms, shell",
        "no approval for email",
    ]
    talks: dict[str, Talk] = {}
    for name, messages in made.items():
        talks[name] = Talk()
        talks[name].say(*messages)
    return talks


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each design, with a file for each format and a manifest of its tools."""
    folder = tmp_path_factory.mktemp("exports")
    for name, talk in designs().items():
        write(talk.design, folder / name.replace(" ", "-"))
    return folder


@pytest.mark.xdist_group("validators")
@pytest.mark.parametrize("name", VALIDATORS)
def test_a_validator_accepts_every_design(name: str, exports: Path) -> None:
    """Loaded, and run where it can be run offline; what each looks at stands in its check."""
    if name == "mermaid" and not shutil.which("npm"):
        pytest.skip("mermaid's parser needs Node.js")
    arguments = [*command(name), str(exports), *([str(DOCS / "design-sessions.md")] if name == "mermaid" else [])]
    environment = {"PATH": os.environ["PATH"], "HOME": str(exports), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_CHECK
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    accepted = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert len(accepted) == len(designs()) + (name == "mermaid"), "every design was looked at"
