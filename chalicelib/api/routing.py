"""`POST /routing/replays`: what another routing policy would have decided."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.api.answers import View, answer
from chalicelib.api.requests import Body
from chalicelib.api.resource import Call, Resource

resource = Resource("routing", "routing")
NEWEST = 2**63 - 1  # no message has a larger id
MOST = 4_000  # messages replayed at once


class ReplayBody(Body):
    policy: Literal["v0", "v1", "never"] = Field(description="`never` opens a topic only where there is none.")
    limit: Annotated[int, Field(ge=1, le=MOST)] = Field(
        default=1_000, description="How many messages to replay, the assistant's too; the newest."
    )
    up_to_message_id: Annotated[int, Field(ge=1, le=NEWEST)] = Field(
        default=NEWEST, description="The last message to replay; to go further back."
    )


class WasView(View):
    policy: str
    rule: str
    opens_topic: bool
    topic_id: UUID


class WouldView(View):
    rule: str
    opens_topic: bool


class RoutingChangeView(View):
    message_id: int
    was: WasView
    would: WouldView


class DistanceView(View):
    """From the segmentation as the user corrected it; lower is better. Null where there are too few messages."""

    pk: float | None
    window_diff: float | None


class AgreementView(View):
    corrected: int = Field(description="Messages that you moved to another topic.")
    recorded: DistanceView = Field(description="Of what was decided then.")
    replayed: DistanceView = Field(description="Of what the replayed policy decides.")


class ReplayView(View):
    policy: str
    messages: int = Field(description="Your messages that were decided anew.")
    first_message_id: int | None
    last_message_id: int | None
    is_cut: bool = Field(description="Whether there is older history that was not replayed.")
    opened_then: int = Field(description="Topics opened by these messages.")
    opened_now: int = Field(description="Topics that the replayed policy opens.")
    changed: int = Field(description="Messages where the two differ in opening a topic.")
    changes: list[RoutingChangeView] = Field(description="These messages, oldest first; at most 1,000 of them.")
    agreement: AgreementView | None = Field(description="Null where you corrected nothing.")


@resource.post("/routing/replays", body=ReplayBody, answers={200: ReplayView})
def post_routing_replay(call: Call) -> Response:
    """Replay a routing policy over your history.

    Shows where another policy would have opened topics, and where it would not have. Nothing is changed. Topics you
    chose yourself stay yours. Messages you moved serve as labels: Pk and WindowDiff of both against your corrections.
    """
    body: ReplayBody = call.body
    report = call.services.replays.replay(call.user_id, body.policy, body.up_to_message_id, body.limit)
    return answer(200, ReplayView.model_validate(report))
