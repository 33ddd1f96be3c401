"""Glia's own runs, as tests look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.api import Api

Facts = dict[str, Any]


@dataclass
class Shown:
    """A run through the API: itself, and its steps in order with all that their events say."""

    run: dict[str, Any]
    about: Facts
    steps: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        return [step["name"] for step in self.steps]

    def facts(self, name: str) -> Facts:
        """What the one step of this name says."""
        [found] = [step["facts"] for step in self.steps if step["name"] == name]
        return dict(found)


def shown(api: Api, run_id: str) -> Shown:
    events = api.get(f"/runs/{run_id}/events?limit=200")["items"]
    timeline = api.get(f"/runs/{run_id}/timeline")
    steps = []
    for place, step_id in enumerate(dict.fromkeys(event["step_id"] for event in events if event["step_id"])):
        mine = [event for event in events if event["step_id"] == step_id]
        facts = {name: value for event in mine for name, value in event["attributes"].items()}
        status = timeline["statuses"][timeline["columns"]["status"][place]]
        first = mine[0]
        steps.append({
            "name": first["name"], "kind": first["kind"], "status": status, "parent": first["parent_step_id"],
            "id": step_id, "facts": facts,
        })  # fmt: skip
    return Shown(api.get(f"/runs/{run_id}"), events[0]["attributes"], steps)
