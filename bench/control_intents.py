"""Control intents (yes, no, maybe, cancel, repeat, greeting) on agents/clinc150_small.json.

    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json          what val says
    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json --test   what test says
    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json --fit    writes designer/acts.json

The table is fitted on the train part and its thresholds are set on val: for each intent the lowest with a precision
of at least `AIM` there. Of the questions out of scope it tells how many are taken for one of the six.
The targets are precision 0.90 at recall 0.60 for each intent.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.support import Targets, parse
from chalicelib.designer import acts
from chalicelib.designer.text import words

TABLE = Path(__file__).resolve().parent.parent / "chalicelib" / "designer" / "acts.json"
AIM = 0.9  # precision on val
EPOCHS, RATE, SHRINK, SMALLEST, SEED = 12, 0.5, 5e-4, 0.25, 7
Example = tuple[str, str]


def main() -> None:
    arguments = parse(
        __doc__, ("data", {"type": Path}), ("--fit", {"action": "store_true"}), ("--test", {"action": "store_true"})
    )
    data = json.loads(arguments.data.read_text())
    if arguments.fit:
        table = fit(data["train"] + data["oos_train"])
        TABLE.write_text(dumps(table | {"thresholds": thresholds(table, data["val"] + data["oos_val"])}))
        acts._table.cache_clear()
    part = "test" if arguments.test else "val"
    report(part, data[part], data[f"oos_{part}"])


def fit(examples: Sequence[Example]) -> dict[str, Any]:
    """One-against-rest logistic regression by AdaGrad with an L1 penalty that keeps the table small."""
    rng = random.Random(SEED)
    rows = [(acts.features(words(text)), label) for text, label in examples]
    weights: dict[str, list[float]] = {}
    squares: dict[str, list[float]] = {}
    count = len(acts.FITTED)
    intercepts, bias_squares = [-3.0] * count, [1.0] * count
    for _ in range(EPOCHS):
        rng.shuffle(rows)
        for found, label in rows:
            for index, kind in enumerate(acts.FITTED):
                total = intercepts[index] + sum(weights[f][index] for f in found if f in weights)
                target = 1.0 if label == kind else 0.0
                gradient = 1 / (1 + math.exp(-total)) - target
                if abs(gradient) < 0.01:
                    continue
                gradient *= 4.0 if target else 1.0  # fifty against seven thousand
                bias_squares[index] += gradient**2
                intercepts[index] -= RATE * gradient / math.sqrt(bias_squares[index])
                for feature in found:
                    row = weights.setdefault(feature, [0.0] * count)
                    seen = squares.setdefault(feature, [1.0] * count)
                    seen[index] += gradient**2
                    value = row[index] - RATE * gradient / math.sqrt(seen[index])
                    row[index] = math.copysign(max(abs(value) - SHRINK, 0.0), value)
    kept = {f: [round(w, 2) if abs(w) >= SMALLEST else 0.0 for w in row] for f, row in weights.items()}
    return {
        "intercepts": [round(value, 2) for value in intercepts],
        "weights": {feature: row for feature, row in sorted(kept.items()) if any(row)},
    }


def thresholds(table: dict[str, Any], examples: Sequence[Example]) -> list[float]:
    """For each intent the lowest log-odds whose precision on these examples is at least `AIM`."""
    TABLE.write_text(dumps(table | {"thresholds": [0.0] * len(acts.FITTED)}))
    acts._table.cache_clear()
    judged = [(acts.scores(words(text)), label) for text, label in examples]
    found: list[float] = []
    for index, kind in enumerate(acts.FITTED):
        ranked = sorted(((scores[index], label == kind) for scores, label in judged), reverse=True)
        hits, best = 0, ranked[0][0]
        for place, (score, is_hit) in enumerate(ranked, 1):
            hits += is_hit
            if is_hit and hits / place >= AIM:
                best = score
        found.append(round(max(best, -2.5), 2))
    return found


def dumps(table: dict[str, Any]) -> str:
    """JSON with a line for each feature."""
    lines = ",\n".join(f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in table["weights"].items())
    rest = {name: value for name, value in table.items() if name != "weights"}
    return json.dumps(rest)[:-1] + ', "weights": {\n' + lines + "\n}}\n"


def report(part: str, examples: Sequence[Example], outside: Sequence[Example]) -> None:
    judged = [(acts.by_phrase(text) or acts.by_table(text), label) for text, label in examples]
    targets = Targets()
    print(f"clinc150_small.json, {part}: {len(examples)} utterances")
    for kind in acts.FITTED:
        hits = sum(1 for found, label in judged if found == kind == label)
        precision = hits / max(1, sum(1 for found, _ in judged if found == kind))
        recall = hits / max(1, sum(1 for _, label in judged if label == kind))
        targets.check(
            f"{kind}: precision {precision:.3f} (0.90), recall {recall:.3f} (0.60)", precision >= 0.9 and recall >= 0.6
        )
    taken = sum(1 for text, _ in outside if (acts.by_phrase(text) or acts.by_table(text)) in acts.FITTED)
    print(f"out of scope, {part}: {taken} of {len(outside)} taken for one of the six")
    if targets.missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
