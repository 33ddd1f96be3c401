"""From the program's threads to the server: intake, encoder, outbox, sender, and the disk beside them."""

from __future__ import annotations

import threading
import time

from glia_wire.redaction import BUILT_IN, Gate, Hook

from glia_sdk.capture.counting import Counts, Stats
from glia_sdk.capture.delivery import Delivery
from glia_sdk.capture.encoding import Encoder
from glia_sdk.capture.helping import Helping
from glia_sdk.capture.intake import Intake, cut
from glia_sdk.capture.losses import Losses
from glia_sdk.capture.outbox import Outbox
from glia_sdk.capture.pacing import Pacer
from glia_sdk.capture.records import Item, Record
from glia_sdk.capture.sender import Sender
from glia_sdk.capture.settings import CaptureSettings
from glia_sdk.capture.spill import Spill
from glia_sdk.capture.transport import Transport

TICK = 0.25  # seconds
SLICE = 16 * 1024  # characters that are redacted in one stretch
CALL_SECONDS = 0.003  # what a client takes to prepare and send a request, about
CALL_SECONDS_PER_BYTE = 1e-8
CUSTOM = "custom"  # the class of what a plain function redacts


class Recorder:
    """Takes events without making their thread wait, and sees to it that they arrive, or are counted as lost.

    Two threads of its own, started with the first event: one signs, redacts and encodes; one sends. What has not been
    sent after `flush_interval` is on disk, so a process that is killed loses no more than that.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        assert settings.url
        assert settings.token
        self.settings = settings
        self._counts = Counts()
        self._losses = Losses()
        self._intake = Intake(settings.raw_bytes, settings.patience, self._lose_payload)
        self._pacer = Pacer(lambda: self._intake.is_hurried, lambda: self._intake.is_pressed)
        gate = Gate(
            allow_keys=settings.allow_keys,
            deny_keys=settings.deny_keys,
            hooks=[hook if isinstance(hook, Hook) else Hook(CUSTOM, hook) for hook in settings.hooks],
            rules=(*BUILT_IN, *settings.rules),
            slice_chars=SLICE,
        )
        self._encoder = Encoder(gate, settings.signing, self._pacer.pause, self._lose_payload)
        self._spill = Spill(settings.spill_folder, settings.spill_bytes) if settings.spill_folder else None
        self._outbox = Outbox(self._spill, settings.outbox_bytes, self._lose, lambda: self._counts.add("spilled"))
        self._transport = Transport(settings.url)
        self._helping = Helping()
        delivery = Delivery(self._transport, settings.token, self._counts, self._lose, self._helping.together)
        self._sender = Sender(self._outbox, self._spill, delivery, self._losses, self._tell_losses)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._is_closed = False
        self._is_ended = False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    @property
    def has_lost(self) -> bool:
        stats = self.stats()
        return bool(stats.lost or stats.lost_payloads)

    def put(self, record: Record) -> None:
        """Takes an event. The only method on the program's path."""
        if not self._threads:
            self.start()
        self._counts.recorded += 1
        self._intake.put(record)

    def make_way(self, size: int) -> None:
        """A call of the program's begins, with a request of so many bytes."""
        self._pacer.make_way(CALL_SECONDS + CALL_SECONDS_PER_BYTE * size)

    def start(self) -> None:
        """Starts the threads; also to send what an earlier process left."""
        with self._lock:
            if self._threads or self._is_closed:
                return
            for name, run in (("glia-encode", self._encode), ("glia-send", self._sender.run)):
                self._threads.append(threading.Thread(target=run, name=name, daemon=True))
            for thread in self._threads:
                thread.start()

    def flush(self, timeout: float) -> bool:
        """Sends what there is now.

        Returns:
            Whether all of it arrived within `timeout` seconds. What did not is in memory or on disk, and is sent later.
        """
        if not self._threads:
            return True
        deadline = time.monotonic() + timeout
        self._intake.urge()
        if not self._sender.wait_until(self._is_encoded, deadline):
            return False
        self._sender.urge()
        return self._sender.wait_until(lambda: self._sender.has_left_nothing, deadline)

    def close(self, timeout: float) -> None:
        """Sends what can be sent within `timeout` seconds, and puts the rest on disk. Nothing is taken after that."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        end = time.monotonic() + timeout
        if self._threads:
            self._intake.urge()
            if not self._sender.wait_until(self._is_encoded, time.monotonic() + timeout * 0.7):
                self._is_closing = True  # the rest goes without its payloads
                self._sender.wait_until(self._is_encoded, end)
            if not self._sender.is_down:
                self._sender.wait_until(lambda: self._outbox.is_empty or self._sender.is_down, end)
            self._sender.stop()
        self._outbox.spill_older(-1.0)
        self._is_ended = True
        self._intake.urge()
        self._helping.stop()
        self._transport.close()
        if self._spill is not None:
            self._spill.close()

    def forget(self) -> None:
        """After a fork: events and threads are the parent's."""
        self._is_closed = True
        if self._spill is not None:
            self._spill.forget()

    def stats(self) -> Stats:
        return self._counts.stats(self._intake.bytes + self._outbox.bytes)

    def _is_encoded(self) -> bool:
        return self._intake.is_empty

    def _encode(self) -> None:
        """The thread that signs, redacts and encodes."""
        while not self._is_ended:
            if self._intake.wait(TICK if not self._outbox.is_empty else 3600.0):
                while record := self._intake.get():
                    self._encode_one(record)
                    self._outbox.keep_young(self.settings.flush_interval)
                self._outbox.changed.set()
            self._outbox.spill_older(self.settings.flush_interval)

    def _encode_one(self, record: Record) -> None:
        try:
            if self._is_closing:
                cut(record)
                self._lose_payload("exit")
            self._outbox.put(self._encoder.encode(record))
        except Exception:  # noqa: BLE001  # this thread must live
            self._counts.add_named("lost", "encoding_failed")
            self._losses.warn("encoding_failed", "events are lost")
        finally:
            self._intake.done()

    def _lose(self, item: Item, reason: str) -> None:
        self._counts.add_named("lost", reason)
        self._losses.add(item, reason)

    def _lose_payload(self, reason: str) -> None:
        self._counts.add_named("lost_payloads", reason)
        self._losses.warn(reason, "payloads are left out")

    def _tell_losses(self) -> None:
        for note in self._losses.notes():
            self._intake.put(note)
