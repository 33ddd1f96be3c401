"""`/sessions/{id}/…`: what a design session comes to, and `/prompt-templates`."""

from __future__ import annotations

from typing import Any, Literal

from chalice.app import Response
from pydantic import Field

from chalicelib.api.answers import View, answer
from chalicelib.api.requests import Body, Query
from chalicelib.api.resource import Call, Resource
from chalicelib.api.sessions import session_of
from chalicelib.designer.checks import Finding
from chalicelib.designer.exports.models import Export, FormatId
from chalicelib.designer.outputs import Outputs
from chalicelib.designer.prompt import PLATFORMS, TEMPLATES, Section, Template
from chalicelib.designer.workflow import Workflow, laid_out, mermaid

resource = Resource("designs", "sessions")
TEMPLATE_NAMES = tuple(template.name for template in TEMPLATES)


class PromptQuery(Query):
    platform: Literal[tuple(PLATFORMS)] = "markdown"  # type: ignore[valid-type]
    template: Literal[TEMPLATE_NAMES] = "standard"  # type: ignore[valid-type]


class PromptView(View):
    platform: str
    text: str
    tokens: int = Field(description="An upper estimate.")
    sections: list[Section]
    diff: str = Field(description="How it differs from the one before the last change: a unified diff, or empty.")


class WorkflowView(View):
    workflow: Workflow
    mermaid: str
    findings: list[Finding]


class ValidateBody(Body):
    workflow: dict[str, Any] | None = Field(default=None, description="One of your own; without it, the session's.")


class ValidationView(View):
    is_valid: bool
    findings: list[Finding]


class ExportQuery(Query):
    format: FormatId = "glia"


class TemplatesView(View):
    items: list[Template]
    platforms: list[str]


@resource.get("/sessions/{session_id}/outputs", answers={200: Outputs}, errors=(404,))
def get_session_outputs(call: Call) -> Response:
    """Prompt, workflow, tools configuration and acceptance cases. `is_draft` where something was not said."""
    return answer(200, call.services.sessions.outputs(call.user_id, session_of(call)))


@resource.get("/sessions/{session_id}/prompt", query=PromptQuery, answers={200: PromptView}, errors=(404,))
def get_session_prompt(call: Call) -> Response:
    """The system prompt in a platform's form."""
    query: PromptQuery = call.query
    made, diff = call.services.sessions.prompt(call.user_id, session_of(call), query.platform, query.template)
    return answer(200, PromptView(**made.model_dump(), diff=diff))


@resource.get("/sessions/{session_id}/workflow", answers={200: WorkflowView}, errors=(404,))
def get_session_workflow(call: Call) -> Response:
    """The workflow: nodes with positions, edges, the data between them, and what a check of it finds."""
    flow, findings = call.services.sessions.workflow(call.user_id, session_of(call))
    return answer(200, WorkflowView(workflow=laid_out(flow), mermaid=mermaid(flow), findings=findings))


@resource.post(
    "/sessions/{session_id}/workflow/validate", body=ValidateBody, answers={200: ValidationView}, errors=(404,)
)  # fmt: skip
def post_session_workflow_validate(call: Call) -> Response:
    """Check a workflow against the session's design; nothing is changed."""
    findings = call.services.sessions.validate(call.user_id, session_of(call), call.body.workflow)
    is_valid = not any(finding.severity == "error" for finding in findings)
    return answer(200, ValidationView(is_valid=is_valid, findings=findings))


@resource.get("/sessions/{session_id}/export", query=ExportQuery, answers={200: Export}, errors=(404,))
def get_session_export(call: Call) -> Response:
    """The design in another program's format. `losses` lists what that cannot express."""
    return answer(200, call.services.sessions.export(call.user_id, session_of(call), call.query.format))


@resource.get("/prompt-templates", answers={200: TemplatesView})
def get_prompt_templates(call: Call) -> Response:
    """The prompt templates and platforms there are."""
    return answer(200, TemplatesView(items=list(TEMPLATES), platforms=sorted(PLATFORMS)))
