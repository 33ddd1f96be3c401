"""The OpenAPI document against the running application: generated requests, valid and not, as an authenticated user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from chalicelib.api import endpoints
from tests.support.running import Run, token

pytestmark = pytest.mark.xdist_group("e2e")
EXAMPLES = 12
# What is too large is refused for that, valid or not: by the server before it reads the request, or by its size alone.
TOO_LARGE = (413, 431)
# Here bad events and spans do not spoil their body: each is told what is wrong (test_traces_bad_input, test_otlp).
JUDGES_PARTS = {("POST", "/traces/events"), ("POST", "/v1/traces")}
OPERATIONS = [(endpoint.method, endpoint.path) for endpoint in endpoints()]


@pytest.fixture(scope="package")
def schema(glia: Run) -> Any:
    return schemathesis.openapi.from_url(f"{glia.url}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_generated_request_causes_a_server_error_or_breaks_the_document(
    schema: Any, glia_home: Path, method: str, path: str, mode: GenerationMode
) -> None:
    """Statuses, media types, headers and bodies are as documented; nothing is a 500.

    That valid requests are accepted is left out: a generated cursor is none of ours, a generated time may be next year.
    """
    headers = {"Authorization": f"Bearer {token(glia_home, 'schemathesis')}"}
    operation = schema[path][method]
    left_out = [positive_data_acceptance]
    if (method, path) in JUDGES_PARTS:
        left_out.append(negative_data_rejection)
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
        return  # nothing in it can be invalid

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        response = case.call(headers=headers)
        if response.status_code in TOO_LARGE:
            error = response.json()["error"]
            assert error.keys() == {"code", "message", "details", "request_id"}
            assert "too_l" in error["code"]
        else:
            case.validate_response(response, headers=headers, excluded_checks=left_out)

    check()
