"""Types of batch re-extraction: what is asked for, batches, their items, and what a preview would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_NAMED = 1_000  # topics named in one filter
Visible = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
Older = Annotated[str, StringConstraints(max_length=300, pattern=r"^(rules-[0-9]{1,6}|[!-~]+/rules-[0-9]{1,6})$")]


class Asked(BaseModel):
    """What somebody asks for, in a request or a queue message: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class TopicFilter(Asked):
    """Which topics: exactly one of these. Topics without messages are left out."""

    topics: list[UUID] | None = Field(default=None, min_length=1, max_length=MAX_NAMED, description="These.")
    older_than: Older | None = Field(
        default=None,
        description="Those that show something by rules older than `rules-N`; or, given an extractor's whole name, by "
        "any other extractor.",
    )
    fallback_only: Literal[True] | None = Field(default=None, description="Where the rules stood in for a model.")
    failed_only: Literal[True] | None = Field(default=None, description="Whose last extraction failed.")
    all: Literal[True] | None = Field(default=None, description="All.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> TopicFilter:
        if len(self.model_fields_set) != 1 or getattr(self, self.name) is None:
            raise ValueError("give exactly one of topics, older_than, fallback_only, failed_only, all")
        return self

    @property
    def name(self) -> str:
        return next(iter(self.model_fields_set), "all")


class Choice(Asked):
    """An extractor for a preview, instead of the one in use."""

    provider: Literal["rules", "model"] = "model"
    model: Visible | None = Field(default=None, description="By default the model in use.")
    prompt_version: Visible | None = Field(default=None, description="By default the one in use.")

    @model_validator(mode="after")
    def _rules_are_alone(self) -> Choice:
        if self.provider == "rules" and (self.model or self.prompt_version):
            raise ValueError("rules have neither model nor prompt version")
        return self


class Order(Asked):
    """What a batch is to do."""

    filter: TopicFilter
    preview: bool = Field(default=False, description="Extract without replacing; then apply or discard what it shows.")
    extractor: Choice | None = Field(default=None, description="For a preview: by whom.")

    @model_validator(mode="after")
    def _only_previews_choose(self) -> Order:
        if self.extractor and not self.preview:
            raise ValueError("only a preview may name an extractor")
        return self


class BatchMessage(Order):
    """A message on the queue `reextractions` that starts a batch, once however often it comes."""

    user_id: UUID
    batch_id: UUID = Field(description="The sender's choice; a UUIDv7.")


class BatchStatus(StrEnum):
    RUNNING = "running"
    READY = "ready"
    APPLYING = "applying"
    DONE = "done"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


class ItemStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    APPLIED = "applied"
    DISCARDED = "discarded"


AT_WORK = (BatchStatus.RUNNING, BatchStatus.APPLYING)


@dataclass(frozen=True, slots=True)
class Batch:
    """`progress`: items by status; `extractor`: the name of who extracts."""

    batch_id: UUID
    status: BatchStatus
    is_preview: bool
    filter: dict[str, Any]
    extractor: str
    progress: Mapping[str, int]
    topics: int
    cards_changed: int
    tokens: int
    request_id: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Item:
    """A topic of a batch. `diff` is there while a preview waits to be decided about."""

    topic_id: UUID
    status: ItemStatus
    job_id: UUID | None
    run_id: UUID | None
    cards_changed: int | None
    tokens: int | None
    failure_class: str | None
    diff: list[dict[str, Any]] | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a batch would do: `windows_to_extract` are those of which no result is kept yet."""

    topics: int
    messages: int
    windows: int
    windows_to_extract: int
    estimated_tokens: int
