"""Counters as CloudWatch EMF lines, by Powertools. `POWERTOOLS_METRICS_DISABLED=true` silences them."""

from __future__ import annotations

from chalicelib.adapters.logs import current_service

NAMESPACE = "Glia"


class EmfMeter:
    """One line a count: nothing is shared between threads, nothing is lost when a process dies."""

    def count(self, name: str, value: float = 1) -> None:
        self._add(name, "Count", value)

    def seconds(self, name: str, value: float) -> None:
        self._add(name, "Seconds", value)

    def _add(self, name: str, unit: str, value: float) -> None:
        from aws_lambda_powertools.metrics import EphemeralMetrics

        metrics = EphemeralMetrics(namespace=NAMESPACE, service=current_service())
        metrics.add_metric(name=name, unit=unit, value=value)
        metrics.flush_metrics()
