"""Stories as clients see them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from chalicelib.api.answers import Timestamp, View
from chalicelib.api.card_views import CitationView
from chalicelib.api.requests import Query
from chalicelib.cards.stories.models import Story, StoryVersion
from chalicelib.cards.stories.service import Compared

LARGEST = 2**31 - 1


class StoryAttemptView(View):
    provider: str
    model: str | None
    failure_class: str | None
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None


class ParagraphView(View):
    """Some sentences, the cards they rest on, and the words those cite."""

    text: str
    card_ids: list[str] = Field(min_length=1)
    citations: list[CitationView] = Field(min_length=1)


class StoryVersionView(View):
    """A version without its words. `provider` and `model` are what told it; `fallback_used` says that the digest stood
    in for a model, `failure_class` why."""

    topic_id: UUID
    version: int
    title: str | None
    is_current: bool = Field(description="The newest version, and made of the cards as they are now.")
    cards_count: int
    provider: str
    model: str | None
    prompt_version: str | None
    fallback_used: bool
    failure_class: str | None
    input_tokens: int | None
    output_tokens: int | None
    cause: str
    job_id: UUID
    request_id: str
    trace_run_id: UUID | None = Field(description="The run that explains it: `/runs/{id}`. Null in older ones.")
    created_at: Timestamp


class StoryView(StoryVersionView):
    paragraphs: list[ParagraphView] = Field(min_length=1)
    attempts: list[StoryAttemptView]


class StoryVersionPage(View):
    items: list[StoryVersionView]
    next_cursor: str | None


class ChangedParagraphView(View):
    before: ParagraphView
    after: ParagraphView


class StoryComparisonView(View):
    """What became of the paragraphs of one version in another. A changed paragraph rests on some of the same cards."""

    topic_id: UUID
    from_version: int
    to_version: int
    added: list[ParagraphView]
    removed: list[ParagraphView]
    changed: list[ChangedParagraphView]
    unchanged: int = Field(description="How many paragraphs are the same.")


class StoryQueued(View):
    job_id: UUID


class StoryNothing(View):
    ok: Literal[True] = True
    reason: Literal["no_cards"] = "no_cards"


class StoryQuery(Query):
    version: int | None = Field(default=None, ge=1, le=LARGEST, description="An older version; else the newest.")


class CompareQuery(Query):
    before: int | None = Field(
        default=None, alias="from", ge=1, le=LARGEST, description="By default the version before `to`."
    )
    after: int | None = Field(default=None, alias="to", ge=1, le=LARGEST, description="By default the newest version.")


def version_view(version: StoryVersion) -> StoryVersionView:
    return StoryVersionView.model_validate(version)


def story_view(story: Story) -> StoryView:
    fields: dict[str, Any] = {name: getattr(story.head, name) for name in StoryVersion.__slots__}
    return StoryView.model_validate({**fields, "paragraphs": story.paragraphs})


def comparison_view(compared: Compared) -> StoryComparisonView:
    found = compared.comparison
    changed = [{"before": before, "after": after} for before, after in found.changed]
    return StoryComparisonView.model_validate(
        {
            "topic_id": compared.after.topic_id,
            "from_version": compared.before.version,
            "to_version": compared.after.version,
            "added": found.added,
            "removed": found.removed,
            "changed": changed,
            "unchanged": found.unchanged,
        }
    )
