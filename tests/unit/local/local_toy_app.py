"""A small Chalice app for the local runtime's tests: every kind of answer, one queue, one schedule, one event stream.

The runtime's processes load it by GLIA_LOCAL_APP. What must outlive a process is in Postgres.
"""

import os
import threading
import time
from typing import Any

import boto3
import psycopg
from chalice.app import Chalice, Rate, Response

PREFIX = os.environ.get("GLIA_QUEUE_PREFIX", "toy")
PARTS = 4


class ThreadedChalice(Chalice):
    """Chalice keeps the request in an attribute; under threads each needs its own."""

    _request = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._request, "value", None)

    @current_request.setter
    def current_request(self, request: Any) -> None:
        self._request.value = request


app = ThreadedChalice(app_name="toy", configure_logs=False)
app.api.binary_types = ["application/octet-stream"]


def database() -> "psycopg.Connection[Any]":
    connection = psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)
    connection.execute("CREATE TABLE IF NOT EXISTS toy (kind text, value text, receives int)")
    return connection


def note(kind: str, value: str, receives: int = 0) -> None:
    with database() as connection:
        connection.execute("INSERT INTO toy VALUES (%s, %s, %s)", (kind, value, receives))


def aws(service: str) -> Any:
    make: Any = boto3.client
    return make(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])


@app.route("/health")
def health() -> Any:
    try:
        with database():
            aws("s3").head_bucket(Bucket=os.environ["GLIA_BUCKET"])
    except Exception as error:  # noqa: BLE001 - the test wants every part of the runtime to be there
        return Response({"missing": type(error).__name__}, status_code=503)
    return {"pid": os.getpid()}


@app.route("/echo/{first}/{second}", methods=["GET", "POST"], content_types=["application/json", "text/plain"])
def echo(first: str, second: str) -> Any:
    event = app.current_request.to_original_event()
    return {"first": first, "second": second, "event": event}


@app.route("/sized", methods=["GET"])
def sized() -> Any:
    return Response("x" * int(app.current_request.query_params["bytes"]), headers={"Content-Type": "text/plain"})


@app.route("/slow", methods=["GET"])
def slow() -> Any:
    time.sleep(float(app.current_request.query_params["seconds"]))
    return {}


@app.route("/several", methods=["GET"])
def several() -> Any:
    return Response("", status_code=204, headers={"Set-Cookie": ["a=1", "b=2"], "X-Request-Id": "given"})


@app.route("/turns/{turn_id}/events", methods=["GET"])
def events(turn_id: str) -> Any:
    """Event n + 1 after each Last-Event-ID n; 204 after the last; the turn `quiet` has none at all."""
    last = int(app.current_request.headers.get("last-event-id", "0"))
    if last >= PARTS:
        return Response("", status_code=204)
    if turn_id == "quiet":
        return Response(": nothing yet\n\n", headers={"Content-Type": "text/event-stream"})
    time.sleep(float(app.current_request.headers.get("x-pace", "0")))
    body = f"id: {last + 1}\nevent: message.delta\ndata: {time.time()}\n\n"
    return Response(body, headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"})


@app.route("/work", methods=["POST"])
def work() -> Any:
    sqs = aws("sqs")
    body = app.current_request.json_body
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-turns")["QueueUrl"],
        MessageBody=body["value"],
        MessageAttributes={"request_id": {"DataType": "String", "StringValue": "r-1"}},
    )
    return Response({}, status_code=202)


@app.route("/noted/{kind}", methods=["GET"])
def noted(kind: str) -> Any:
    with database() as connection:
        rows = connection.execute("SELECT value, receives FROM toy WHERE kind = %s", (kind,)).fetchall()
    return {"rows": rows}


@app.route("/bytes", methods=["GET"])
def some_bytes() -> Any:
    return Response(b"\x00\xff", headers={"Content-Type": "application/octet-stream"})


@app.on_sqs_message(queue=f"{PREFIX}-turns", batch_size=5, name="turns_handler")
def turns(event: Any) -> Any:
    failures = []
    for record in event.to_dict()["Records"]:
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        if record["body"].startswith("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        note("turn", record["body"], receives)
    return {"batchItemFailures": failures}


@app.schedule(Rate(1, unit=Rate.HOURS), name="sweep")
def sweep(event: Any) -> None:
    note("sweep", event.to_dict()["detail-type"])
