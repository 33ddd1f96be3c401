"""The worker's loops against the real emulator."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Chalice, Rate

from chalicelib.settings import Settings
from local.resources import client, create_resources
from local.stopping import Stopping
from local.worker import Emulator, Poller, Schedule, loops, pollers_of
from tests.support.waiting import until


class Batches:
    """A Chalice app with one queue and one schedule; its handlers keep what they get and answer what they are told."""

    def __init__(self, queue: str, answer: Callable[[list[dict[str, Any]]], Any] = lambda records: None) -> None:
        self.records: list[dict[str, Any]] = []
        self.sweeps: list[dict[str, Any]] = []
        self.app = Chalice(app_name="batches", configure_logs=False)

        @self.app.on_sqs_message(queue=queue, batch_size=10, name="handler")
        def handler(event: Any) -> Any:
            records = event.to_dict()["Records"]
            self.records += records
            return answer(records)

        @self.app.schedule(Rate(1, unit=Rate.HOURS), name="sweep")
        def sweep(event: Any) -> None:
            self.sweeps.append(event.to_dict())
            raise LookupError("a sweep that fails comes again")

    def bodies(self) -> list[str]:
        return [record["body"] for record in self.records]


@pytest.fixture
def settings(running_emulator: Any) -> Settings:
    made: Settings = running_emulator.settings(f"t-{uuid.uuid4().hex[:8]}")
    return made


@pytest.fixture
def run() -> Iterator[Callable[..., Stopping]]:
    """Runs loops in threads until the test ends."""
    started: list[tuple[Stopping, threading.Thread]] = []

    def start(*made: Poller | Schedule) -> None:
        for one in made:
            thread = threading.Thread(target=one.run)
            thread.start()
            started.append((one.stopping, thread))

    yield start  # type: ignore[misc]
    for stopping, _ in started:
        stopping.set()
    for _, thread in started:
        thread.join(10)
        assert not thread.is_alive()


def send(settings: Settings, queue: str, *bodies: str) -> None:
    sqs = client("sqs", settings)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    for body in bodies:
        attributes = {"request_id": {"DataType": "String", "StringValue": "r"}}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def left(settings: Settings, queue: str) -> int:
    """Messages in the queue, also those that are invisible."""
    sqs = client("sqs", settings)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


def make_visible(settings: Settings, queue: str, records: list[dict[str, Any]]) -> None:
    sqs = client("sqs", settings)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    for record in records:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)


def poller(settings: Settings, batches: Batches) -> Poller:
    emulator = Emulator(settings, batches.app)
    emulator.restore(Stopping())
    (made,) = [loop for loop in loops(emulator, {"GLIA_LOCAL_WORKERS": "1"}, Stopping()) if isinstance(loop, Poller)]
    return made


def test_queues_dead_letter_queues_and_bucket_are_created_once(settings: Settings) -> None:
    """Running it again, as every start does, changes nothing and keeps messages."""
    queue = settings.queue_name("turns")
    app = Batches(queue).app
    create_resources(settings, app)
    send(settings, queue, "kept")
    create_resources(settings, app)
    assert left(settings, queue) == 1
    assert left(settings, f"{queue}-dlq") == 0
    client("s3", settings).head_bucket(Bucket=settings.bucket)


def test_a_message_is_handled_and_deleted(settings: Settings) -> None:
    queue = settings.queue_name("turns")
    batches = Batches(queue)
    one = poller(settings, batches)
    send(settings, queue, "a", "b")
    while len(batches.records) < 2:
        one.once()
    assert sorted(batches.bodies()) == ["a", "b"]
    assert batches.records[0]["messageAttributes"]["request_id"]["stringValue"] == "r"
    assert batches.records[0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert left(settings, queue) == 0


def test_only_the_named_failures_come_back(settings: Settings) -> None:
    queue = settings.queue_name("turns")

    def fail_b(records: list[dict[str, Any]]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in records if r["body"] == "b"]}

    batches = Batches(queue, fail_b)
    one = poller(settings, batches)
    send(settings, queue, "a", "b", "c")
    while len(batches.records) < 3:
        one.once()
    assert left(settings, queue) == 1
    make_visible(settings, queue, [r for r in batches.records if r["body"] == "b"])
    one.once()
    assert batches.bodies()[-1] == "b"
    assert batches.records[-1]["attributes"]["ApproximateReceiveCount"] == "2"


def raises(records: list[dict[str, Any]]) -> Any:
    raise RuntimeError("private words")


@pytest.mark.parametrize("answer", [raises, lambda records: "malformed"])
def test_a_handler_that_raises_or_answers_nonsense_loses_nothing(
    settings: Settings, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    queue = settings.queue_name("turns")
    batches = Batches(queue, answer)
    one = poller(settings, batches)
    send(settings, queue, "a")
    with caplog.at_level(logging.INFO):
        while not batches.records:
            one.once()
    assert left(settings, queue) == 1
    assert "private" not in caplog.text


def test_a_message_that_fails_too_often_goes_to_the_dead_letter_queue(settings: Settings) -> None:
    """GLIA_MAX_ATTEMPTS is 3 here: three receives, then it is moved."""
    queue = settings.queue_name("turns")
    batches = Batches(queue, raises)
    one = poller(settings, batches)
    send(settings, queue, "poison")
    for receives in (1, 2, 3):
        while len(batches.records) < receives:
            one.once()
        make_visible(settings, queue, batches.records[-1:])
    one.once()
    assert len(batches.records) == 3
    assert (left(settings, queue), left(settings, f"{queue}-dlq")) == (0, 1)


def test_a_lost_queue_is_made_again(settings: Settings, run: Any) -> None:
    queue = settings.queue_name("turns")
    batches = Batches(queue)
    run(poller(settings, batches))
    sqs = client("sqs", settings)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])

    def sent() -> bool:
        try:
            send(settings, queue, "after")
        except sqs.exceptions.QueueDoesNotExist:
            return False
        return True

    until(sent)
    until(lambda: "after" in batches.bodies())


def test_an_emulator_that_is_killed_is_waited_for_and_made_whole(
    settings: Settings, running_emulator: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It comes back without its queues (they are lost by kill -9); the worker says so once and goes on."""
    queue = settings.queue_name("turns")
    batches = Batches(queue)
    client("s3", settings).list_buckets()
    run(poller(settings, batches))
    client("s3", settings).put_object(Bucket=settings.bucket, Key="k", Body=b"kept")
    with caplog.at_level(logging.INFO, logger="local.worker"):
        running_emulator.kill()
        until(lambda: "does not answer" in caplog.text)
        running_emulator.start()
        until(lambda: "answers again" in caplog.text)
    assert caplog.text.count("does not answer") == 1
    send(settings, queue, "after")
    until(lambda: "after" in batches.bodies())
    assert client("s3", settings).get_object(Bucket=settings.bucket, Key="k")["Body"].read() == b"kept"


def test_a_schedule_runs_at_once_and_again_even_if_it_fails(run: Any) -> None:
    batches = Batches("any")
    emulator = Emulator(Settings.from_env({}), batches.app, sqs=SimpleNamespace())
    environ = {"GLIA_SWEEP_PERIOD": "0.01"}
    made = [loop for loop in loops(emulator, environ, Stopping()) if isinstance(loop, Schedule)]
    run(*made)
    until(lambda: len(batches.sweeps) >= 3)
    assert batches.sweeps[0]["detail-type"] == "Scheduled Event"


def test_turns_have_more_pollers_unless_told() -> None:
    assert (pollers_of("glia-local-turns", {}), pollers_of("glia-local-extractions", {})) == (4, 2)
    assert pollers_of("glia-local-turns", {"GLIA_LOCAL_WORKERS": "7"}) == 7
