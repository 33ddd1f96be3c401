"""Design sessions."""

from __future__ import annotations

from chalicelib.designer.context import Extractor
from chalicelib.designer.model_extractor import ModelExtractor
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.service import SessionService
from chalicelib.llm.client import ModelClient
from chalicelib.wiring.explaining import TraceExplainer
from chalicelib.wiring.outside import Outside

MODEL_TIMEOUT = 9.0  # seconds of one call that reads a session's message: with one repair, an answer within 20


def sessions(outside: Outside) -> SessionService:
    return SessionService(
        outside.db,
        outside.system_db,
        _extractor(outside),
        TraceExplainer(outside),
        outside.new_id,
        outside.clock,
        outside.monotonic,
        outside.crash_points,
        expiry=outside.settings.session_expiry,
    )


def _extractor(outside: Outside) -> Extractor:
    settings, by_rules = outside.settings, RulesExtractor()
    if not settings.design_model:
        return by_rules
    hurried = settings.model_copy(update={"llm_timeout": min(settings.llm_timeout, MODEL_TIMEOUT)})
    return ModelExtractor(ModelClient(hurried, settings.design_model), by_rules, outside.monotonic)
