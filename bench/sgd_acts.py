"""That a user changes, confirms or refuses something: agents/sgd_hotels_dialogues.json.

    PYTHONPATH=. python bench/sgd_acts.py DATA/agents/sgd_hotels_dialogues.json

Of each user turn it is judged only *that* something is done, not to which slot. Labels by their definition there:
confirms = an action AFFIRM or AFFIRM_INTENT; refuses = NEGATE or NEGATE_INTENT; changes = a slot of the service had a
value in the state before, and has none of the same values in this one. Judged by words alone, without the dialogue:
confirms and refuses = a yes or no that is the message or leads it; changes = a correcting cue in it. No bar is set.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from bench.support import parse
from chalicelib.designer.acts import read_acts
from chalicelib.designer.models import ActKind
from chalicelib.designer.rules_control import corrects

ACTIONS = {"confirms": {"AFFIRM", "AFFIRM_INTENT"}, "refuses": {"NEGATE", "NEGATE_INTENT"}}


def main() -> None:
    arguments = parse(__doc__, ("data", {"type": Path}))
    hits, claims, labels = Counter[str](), Counter[str](), Counter[str]()
    turns = 0
    for dialogue in json.loads(arguments.data.read_text(encoding="utf-8")):
        before: dict[str, dict[str, list[str]]] = {}
        for turn in dialogue["turns"]:
            if turn["speaker"] == "USER":
                turns += 1
                labelled, judged = labels_of(turn, before), judged_of(turn["utterance"])
                labels.update(labelled)
                claims.update(judged)
                hits.update(labelled & judged)
    print(f"sgd_hotels_dialogues.json: {turns} user turns")
    for name in ("changes", "confirms", "refuses"):
        precision, recall = hits[name] / max(1, claims[name]), hits[name] / max(1, labels[name])
        print(f"{name}: {labels[name]} labelled; precision {precision:.2f}, recall {recall:.2f}")


def labels_of(turn: dict[str, Any], before: dict[str, dict[str, list[str]]]) -> set[str]:
    """What the corpus says of a turn; `before` is each service's state, and is brought up to date."""
    actions = {action["act"] for frame in turn["frames"] for action in frame["actions"]}
    found = {name for name, wanted in ACTIONS.items() if actions & wanted}
    for frame in turn["frames"]:
        known, now = before.get(frame["service"], {}), frame["state"]["slot_values"]
        if any(slot in known and not set(known[slot]) & set(values) for slot, values in now.items()):
            found.add("changes")
        before[frame["service"]] = now
    return found


def judged_of(text: str) -> set[str]:
    kinds = {act.kind for act in read_acts(text)}
    names = {ActKind.YES: "confirms", ActKind.NO: "refuses"}
    found = {names[kind] for kind in kinds if kind in names}
    return found | ({"changes"} if corrects(text) else set())


if __name__ == "__main__":
    main()
