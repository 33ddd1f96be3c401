"""Cards: extraction, stories, re-extraction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.clock import Monotonic
from chalicelib.cards.extractors import CardExtractor, ModelExtractor, RulesExtractor
from chalicelib.cards.prompts import PROMPT_VERSION
from chalicelib.cards.reextraction.choosing import Choosing
from chalicelib.cards.reextraction.handler import ReextractionHandler
from chalicelib.cards.reextraction.progress import Progress
from chalicelib.cards.reextraction.service import ReextractionService
from chalicelib.cards.runs.handler import ExtractionHandler
from chalicelib.cards.service import CardService
from chalicelib.cards.stories.handler import StoryHandler
from chalicelib.cards.stories.narrator import DigestNarrator, ModelNarrator, StoryNarrator
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.cards.stories.service import StoryService
from chalicelib.llm.client import ModelClient
from chalicelib.settings import Settings
from chalicelib.wiring.explaining import TraceExplainer
from chalicelib.wiring.outside import Outside

if TYPE_CHECKING:
    from tenacity import Retrying


def cards(outside: Outside) -> CardService:
    return CardService(outside.db, outside.outbox(), _renewal(outside))


def stories(outside: Outside) -> StoryService:
    return StoryService(outside.db, _renewal(outside))


def reextractions(outside: Outside) -> ReextractionService:
    return ReextractionService(outside.db, progress(outside), _choosing(outside), outside.new_id)


def progress(outside: Outside) -> Progress:
    return Progress(outside.outbox(), concurrency=outside.settings.reextract_concurrency)


def extraction_handler(outside: Outside) -> ExtractionHandler:
    settings = outside.settings
    return ExtractionHandler(
        outside.db,
        outside.outbox(),
        outside.claims(),
        _choosing(outside).in_use,
        _renewal(outside),
        progress(outside),
        TraceExplainer(outside),
        outside.new_id,
        outside.clock,
        outside.monotonic,
        outside.crash_points,
        outside.meter,
        lease=settings.extract_lease,
        upgrade_delays=settings.upgrades,
    )


def story_handler(outside: Outside) -> StoryHandler:
    return StoryHandler(
        outside.db,
        outside.outbox(),
        outside.claims(),
        _narrator(outside),
        _renewal(outside),
        TraceExplainer(outside),
        outside.new_id,
        outside.clock,
        outside.monotonic,
        outside.crash_points,
        outside.meter,
        lease=outside.settings.story_lease,
    )


def reextraction_handler(outside: Outside) -> ReextractionHandler:
    return ReextractionHandler(
        outside.db,
        outside.claims(),
        progress(outside),
        _choosing(outside),
        _renewal(outside),
        TraceExplainer(outside),
        outside.new_id,
        outside.clock,
        outside.monotonic,
        outside.crash_points,
        lease=outside.settings.extract_lease,
    )


def _renewal(outside: Outside) -> Renewal:
    return Renewal(outside.outbox(), delay=outside.settings.story_delay)


def _choosing(outside: Outside) -> Choosing:
    settings = outside.settings
    by_rules = RulesExtractor(settings.evidence, outside.monotonic)
    by_model = _by_model(settings, by_rules, outside.tries, outside.monotonic)
    in_use = by_model(settings.extract_model, PROMPT_VERSION) if settings.extract_model else by_rules
    is_reachable = settings.openai_base_url is not None or settings.openai_api_key is not None
    return Choosing(in_use, by_rules, by_model if is_reachable else None, settings.extract_model)


def _by_model(
    settings: Settings, by_rules: RulesExtractor, tries: Callable[[], Retrying], monotonic: Monotonic
) -> Callable[[str, str], CardExtractor]:
    def by_model(model: str, prompt_version: str = PROMPT_VERSION) -> CardExtractor:
        client = ModelClient(settings, model)
        return ModelExtractor(
            client, by_rules, tries, settings.evidence, monotonic, settings.context_tokens, prompt_version
        )

    return by_model


def _narrator(outside: Outside) -> StoryNarrator:
    settings = outside.settings
    digest = DigestNarrator(outside.monotonic)
    if not settings.story_model:
        return digest
    client = ModelClient(settings, settings.story_model)
    return ModelNarrator(client, digest, outside.tries, outside.monotonic, settings.context_tokens)
