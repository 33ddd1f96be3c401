"""Streams of the `openai` package, watched: the same object, whose pieces are looked at as they pass."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from glia_sdk.capture import session
from glia_sdk.capture.instruments.openai_events import COMPLETE, INCOMPLETE, STREAM_STATUS, Collector
from glia_sdk.capture.steps import Step

ABANDONED, BROKEN = "abandoned", "broken"


class Watch:
    """What became of one stream. However it ends, it ends once."""

    def __init__(self, step: Step, collector: Collector) -> None:
        self._step = step
        self._collector = collector
        self.is_reading = False

    def saw(self, event: Any) -> None:
        self._step.chunk(self._collector.add(event))

    def ended(self) -> None:
        """The end was reached; whether it was the proper one, the collector knows."""
        self._finish(COMPLETE if self._collector.is_finished else INCOMPLETE)

    def broke(self, error: BaseException) -> None:
        attributes, weight = self._collector.answer()
        self._step.fail(error, attributes | {STREAM_STATUS: BROKEN}, weight)

    def closed(self) -> None:
        """Closed by whoever reads it, unless it is just being read: then the end is seen there."""
        if not self.is_reading and self._step.is_recorded:
            self._finish(COMPLETE if self._collector.is_finished else ABANDONED)

    def _finish(self, status: str) -> None:
        attributes, weight = self._collector.answer()
        self._step.complete(attributes | {STREAM_STATUS: status}, weight)


def watch_stream(stream: Any, step: Step, collector: Collector) -> None:
    watch = Watch(step, collector)
    stream._iterator = _passing(stream._iterator, watch)
    response, close = stream.response, stream.response.close

    def closing() -> None:
        session.guarded(watch.closed)
        close()

    with suppress(AttributeError):
        response.close = closing
    weakref.finalize(stream, session.guarded, watch.closed).atexit = False


def watch_async_stream(stream: Any, step: Step, collector: Collector) -> None:
    watch = Watch(step, collector)
    stream._iterator = _passing_async(stream._iterator, watch)
    response, close = stream.response, stream.response.aclose

    async def closing() -> None:
        session.guarded(watch.closed)
        await close()

    with suppress(AttributeError):
        response.aclose = closing
    weakref.finalize(stream, session.guarded, watch.closed).atexit = False


def _passing(inner: Iterator[Any], watch: Watch) -> Iterator[Any]:
    while True:
        watch.is_reading = True
        try:
            event = next(inner)
        except StopIteration:
            session.guarded(watch.ended)
            return
        except BaseException as error:
            session.guarded(watch.broke, error)
            raise
        finally:
            watch.is_reading = False
        session.guarded(watch.saw, event)
        yield event


async def _passing_async(inner: AsyncIterator[Any], watch: Watch) -> AsyncIterator[Any]:
    while True:
        watch.is_reading = True
        try:
            event = await anext(inner)
        except StopAsyncIteration:
            session.guarded(watch.ended)
            return
        except BaseException as error:
            session.guarded(watch.broke, error)
            raise
        finally:
            watch.is_reading = False
        session.guarded(watch.saw, event)
        yield event
