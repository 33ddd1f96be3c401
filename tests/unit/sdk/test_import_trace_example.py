"""The worked example of docs/capture.md is a format like the built-in ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from glia_sdk.importing.traces.events import events
from glia_sdk.importing.traces.formats import FORMATS
from glia_sdk.importing.traces.reading import Account, runs

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "capture.md"


def test_the_example_imports_a_recording(tmp_path: Path) -> None:
    """The code of the page, as it stands there, in the table beside the others, on the recording the page shows."""
    page = DOCUMENT.read_text(encoding="utf-8").partition("### Adding a format")[2]
    code, shown = re.search(r"```python\n(.*?)```", page, re.DOTALL), re.search(r'`(\{"errand".*?\})`', page)
    assert code
    assert shown
    names: dict[str, Any] = {}
    exec(code[1], names)
    value = json.loads(shown[1])
    value["calls"][0] |= {"at": "2026-02-03T04:05:06Z", "mood": "calm"}
    file = tmp_path / "errand.json"
    file.write_text(json.dumps(value))
    account = Account(file)
    (run,) = runs(account, formats=(*FORMATS, names["Errands"]()))
    made = list(events("errands", run))
    types = ["run.started", "step.started", "step.started", "step.completed", "step.completed", "run.completed"]
    assert [one["event_type"] for one in made] == types
    assert made[2]["ts"] == "2026-02-03T04:05:06.000000Z"
    assert made[3]["attributes"]["gen_ai.usage.output_tokens"] == 9
    assert account.unmapped == {"calls[].mood": 1}
