"""Lambda's event source mappings in one process: `python -m local.worker` polls the queues and runs the schedules.

Environment, beside the app's own settings: GLIA_LOCAL_WORKERS, pollers a queue (default 4 for turns, 2 for others);
GLIA_SWEEP_PERIOD, seconds between runs of a schedule (default 5, however rare the schedule is on AWS); GLIA_LOCAL_APP;
GLIA_READY_FILE, made as soon as queues and bucket are there.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ScheduledEventConfig

from chalicelib.settings import Settings
from local.context import LocalContext
from local.lambda_events import failed_messages, rate_seconds, schedule_event, sqs_event
from local.resources import client, create_resources, queue_name, queue_sources
from local.server import load_app, set_up_logs, where
from local.stopping import Stopping

WAIT_SECONDS = 1
SQS_BATCH_MAX = 10
HANDLER_SECONDS = 300.0
BACKOFF_FIRST, BACKOFF_MAX = 0.2, 5.0
GRACE = 5.0
SWEEP_PERIOD = 5.0

Handler = Callable[[dict[str, Any], LocalContext], Any]
log = logging.getLogger("local.worker")


@dataclass
class Emulator:
    """The emulator as the worker sees it: its queues, whether it answers, and how to make it whole again."""

    settings: Settings
    app: Any
    sqs: Any = None
    _away: bool = False
    _making: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.sqs = self.sqs or client("sqs", self.settings)

    def restore(self, stopping: Stopping) -> None:
        """Creates the queues and the bucket that are missing, however long the emulator lets itself be waited for."""
        pause = BACKOFF_FIRST
        while not stopping.is_set():
            try:
                with self._making:
                    create_resources(self.settings, self.app)
                self.found()
                break
            except (BotoCoreError, ClientError) as error:
                self.lost(error)
                stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, BACKOFF_MAX)

    def lost(self, error: Exception) -> None:
        """Notes that it does not answer; said once, however many pollers notice."""
        with self._lock:
            if not self._away:
                log.warning("the emulator does not answer (%s); waiting for it", type(error).__name__)
            self._away = True

    def found(self) -> None:
        """Notes that it answers."""
        with self._lock:
            if self._away:
                log.info("the emulator answers again")
            self._away = False


@dataclass
class Poller:
    """One thread's loop over one queue: receive, call the handler, delete what is done."""

    emulator: Emulator
    queue: str
    batch_size: int
    handler: Handler
    stopping: Stopping
    _url: str = ""

    def run(self) -> None:
        """Polls until `stopping` is set; a batch in hand is finished."""
        while not self.stopping.is_set():
            try:
                self.once()
            except (BotoCoreError, ClientError) as error:
                self._url = ""
                if not isinstance(error, self.emulator.sqs.exceptions.QueueDoesNotExist):
                    self.emulator.lost(error)
                    self.stopping.wait(BACKOFF_FIRST)
                self.emulator.restore(self.stopping)

    def once(self) -> None:
        """One receive of up to a second, and its batch.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: the emulator is away, or the queue is missing.
        """
        sqs = self.emulator.sqs
        self._url = self._url or sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        received = sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self.batch_size, SQS_BATCH_MAX),
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if messages:
            self._handle(messages)

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        ids = [message["MessageId"] for message in messages]
        failed = self._call(messages, ids)
        done = [message for message in messages if message["MessageId"] not in failed]
        if failed:
            log.info("%s: %d done, %d to come back", self.queue, len(done), len(failed))
        if done:
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(done)]
            self.emulator.sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _call(self, messages: list[dict[str, Any]], ids: list[str]) -> set[str]:
        event = sqs_event(messages, self.queue, self.emulator.settings.aws_region)
        try:
            answer = self.handler(event, LocalContext(self.queue, HANDLER_SECONDS))
        except Exception as error:  # noqa: BLE001 - as in Lambda: whatever it raises, the whole batch comes back
            log.error("handler of %s failed: %s at %s", self.queue, type(error).__name__, where(error))
            return set(ids)
        return failed_messages(answer, ids)


@dataclass
class Schedule:
    """One thread's loop over one schedule: at once, then every `period` seconds, never two at a time."""

    name: str
    period: float
    region: str
    handler: Handler
    stopping: Stopping

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.handler(schedule_event(self.name, self.region), LocalContext(self.name, HANDLER_SECONDS))
            except Exception as error:  # noqa: BLE001 - EventBridge comes again whatever happened
                log.error("schedule %s failed: %s at %s", self.name, type(error).__name__, where(error))
            self.stopping.wait(self.period)


def pollers_of(queue: str, environ: dict[str, str]) -> int:
    """How many threads poll a queue."""
    return int(environ.get("GLIA_LOCAL_WORKERS") or (4 if queue.endswith("turns") else 2))


def loops(emulator: Emulator, environ: dict[str, str], stopping: Stopping) -> list[Poller | Schedule]:
    """Everything the app's triggers ask for; each member's `run` is to have a thread of its own.

    Raises:
        ValueError: a schedule is no `rate(...)`.
    """
    app, made = emulator.app, list[Poller | Schedule]()
    for source in queue_sources(app):
        name, handler = queue_name(source), app.handler_map[source.name]
        pollers = range(pollers_of(name, environ))
        made += [Poller(emulator, name, source.batch_size, handler, stopping) for _ in pollers]
    for source in app.event_sources:
        if isinstance(source, ScheduledEventConfig):
            rate_seconds(source.schedule_expression)  # what runs here must be able to run on AWS
            period = float(environ.get("GLIA_SWEEP_PERIOD") or SWEEP_PERIOD)
            made.append(
                Schedule(source.name, period, emulator.settings.aws_region, app.handler_map[source.name], stopping)
            )
    return made


def main() -> None:
    """Works until SIGTERM or SIGINT, then gives batches in hand five seconds."""
    set_up_logs()
    stopping, environ = Stopping(), dict(os.environ)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    emulator = Emulator(Settings.from_env(environ), load_app(environ))
    emulator.restore(stopping)
    if "GLIA_READY_FILE" in environ:
        Path(environ["GLIA_READY_FILE"]).touch()
    threads = [threading.Thread(target=loop.run, daemon=True) for loop in loops(emulator, environ, stopping)]
    for thread in threads:
        thread.start()
    stopping.wait()
    deadline = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    logging.shutdown()
    # A handler that does not return in time is cut off here, as by a killed Lambda; its message comes back.
    os._exit(0)


if __name__ == "__main__":
    main()
