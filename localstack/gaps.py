"""What LocalStack leaves out of a CloudFormation deployment, made up for with the same values."""

from __future__ import annotations

from typing import Any

from infra import gateway


def apply_gateway_responses(session: Any, api: str, stage: str = "api") -> None:
    """LocalStack imports an API without its `x-amazon-apigateway-gateway-responses`; here they are put one by one."""
    client = session.client("apigateway")
    for kind, response in gateway.responses().items():
        client.put_gateway_response(restApiId=api, responseType=kind, **response)
    client.create_deployment(restApiId=api, stageName=stage)
