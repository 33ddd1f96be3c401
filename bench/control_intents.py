"""Control intents (yes, no, maybe, cancel, repeat, greeting) on agents/clinc150_small.json.

    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json          what val says
    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json --test   what test says
    PYTHONPATH=. python bench/control_intents.py DATA/agents/clinc150_small.json --fit    writes designer/acts.json

The table is fitted on the train part; its thresholds are set on val and by cross-validation on train: for each intent
the highest that keeps a recall of `RECALL` there. Of the questions out of scope it tells how many are taken for one
of the six.
The targets are precision 0.90 at recall 0.60 for each intent.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.support import Targets, parse
from chalicelib.designer import acts
from chalicelib.designer.text import words

TABLE = Path(__file__).resolve().parent.parent / "chalicelib" / "designer" / "acts.json"
RECALL = 0.75  # on val and in cross-validation on train
EPOCHS, RATE, SHRINK, SMALLEST, SEED, FOLDS = 12, 0.5, 5e-4, 0.25, 7, 5
Example = tuple[str, str]


def main() -> None:
    arguments = parse(
        __doc__, ("data", {"type": Path}), ("--fit", {"action": "store_true"}), ("--test", {"action": "store_true"})
    )
    data = json.loads(arguments.data.read_text())
    if arguments.fit:
        train, val = data["train"] + data["oos_train"], data["val"] + data["oos_val"]
        table = fit(train)
        limits = thresholds(table, train, val)
        TABLE.write_text(dumps(table | {"thresholds": limits}))
        acts._table.cache_clear()
    part = "test" if arguments.test else "val"
    report(part, data[part], data[f"oos_{part}"])


def fit(examples: Sequence[Example]) -> dict[str, Any]:
    """One-against-rest logistic regression by AdaGrad with an L1 penalty that keeps the table small."""
    rng = random.Random(SEED)
    counts = Counter(word for text, label in examples if label in acts.FITTED for word in _spoken(text))
    rows = [(acts.features(words(text), _others(counts, text, label)), label) for text, label in examples]
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
        "known": sorted(counts),
        "intercepts": [round(value, 2) for value in intercepts],
        "weights": {feature: row for feature, row in sorted(kept.items()) if any(row)},
    }


def _spoken(text: str) -> set[str]:
    return {word.text for word in words(text)}


def _others(counts: Counter[str], text: str, label: str) -> set[str]:
    """The words that other examples of the six intents have."""
    if label not in acts.FITTED:
        return set(counts)
    own = _spoken(text)
    return {word for word, count in counts.items() if count > (word in own)}


def thresholds(table: dict[str, Any], train: Sequence[Example], val: Sequence[Example]) -> list[float]:
    """For each intent the highest log-odds at which phrases and table together have a recall of at least `RECALL`: on
    val, and on the train part, each fifth of which is judged by a table fitted on the other four."""
    judged = scored(table, val)
    order = random.Random(SEED).sample(range(len(train)), len(train))
    for fold in range(FOLDS):
        held = set(order[fold::FOLDS])
        rest = [example for index, example in enumerate(train) if index not in held]
        judged += scored(fit(rest), [train[index] for index in sorted(held)])
    return [threshold(index, judged) for index in range(len(acts.FITTED))]


Judged = list[tuple[list[float] | None, str | None, str]]  # scores, the act by phrase, the label


def scored(table: dict[str, Any], examples: Sequence[Example]) -> Judged:
    """The log-odds of each example, None where the table would not be asked."""
    TABLE.write_text(dumps(table | {"thresholds": [0.0] * len(acts.FITTED)}))
    acts._table.cache_clear()
    found: Judged = []
    for text, label in examples:
        spoken = words(text)
        is_known = len(spoken) <= acts.LONGEST and any(word.text in table["weights"] for word in spoken)
        found.append((acts.scores(spoken) if is_known else None, acts.by_phrase(text), label))
    return found


def threshold(index: int, judged: Judged) -> float:
    """The highest log-odds that keeps the recall: beyond that, more precision would cost what the target asks for."""
    kind = acts.FITTED[index]
    wanted = sum(label == kind for _, _, label in judged)
    by_phrase = sum(label == kind == phrase for _, phrase, label in judged)
    rest = sorted((s[index] for s, phrase, label in judged if s and not phrase and label == kind), reverse=True)
    needed = min(max(1, math.ceil(RECALL * wanted) - by_phrase), len(rest))
    return round(max(rest[needed - 1], 0.0), 2)


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
