"""A small recording of each format that `glia import-trace` reads, written for the tests, with a text to plant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Recording = Callable[[str], Any]


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def dialogue(planted: str = "") -> list[dict[str, Any]]:
    """Two calls of the model, two of tools, of which one failed."""
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"Where is the kettle? {planted}"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [_call("c1", "find", '{"what": "kettle"}'), _call("c2", "ask", '{"whom": "Ann"}')],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "find", "content": f"on the stove {planted}"},
        {"role": "tool", "tool_call_id": "c2", "name": "ask", "content": "nobody there", "is_error": True},
        {"role": "assistant", "content": f"On the stove. {planted}"},
        {"role": "user", "content": "Thanks."},
    ]


def tau(planted: str = "") -> Any:
    task = {"user_id": "ann_1", "actions": [], "instruction": f"Ask for the kettle. {planted}", "outputs": []}
    info = {"task": task, "source": "user", "user_cost": 0.5, "reward_info": {"reward": 1.0}, "mood": planted or "calm"}
    trial = {"task_id": 0, "trial": 1, "reward": 1.0, "info": info, "traj": dialogue(planted)}
    return [trial, {**trial, "trial": 2}]


def mini_swe_agent(planted: str = "") -> Any:
    response = {
        "id": "gen-1", "model": "small-1", "provider": "Home", "object": "chat.completion", "created": 1763511806,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "reasoning": planted}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cost": 0.25},
    }  # fmt: skip
    said = [
        {"role": "system", "content": "One command at a time."},
        {"role": "user", "content": f"List it. {planted}"},
        {"role": "assistant", "content": "First:\n```bash\nls /none\n```", "extra": {"response": response}},
        {"role": "user", "content": f"<returncode>2</returncode>\n<output>none {planted}</output>"},
        {"role": "assistant", "content": "```bash\necho done\n```", "extra": {"response": {**response, "id": "gen-2"}}},
        {"role": "user", "content": f"the patch {planted}"},
    ]
    config = {"model": {"model_name": "small-1", "model_kwargs": {"temperature": 0.5}}, "environment": {"cwd": "/x"}}
    info = {"exit_status": "Submitted", "submission": "the patch", "mini_version": "1.0", "config": config}
    return {"info": info, "messages": said, "trajectory_format": "mini-swe-agent-1", "instance_id": "kettle-1"}


def swe_agent(planted: str = "") -> Any:
    history = [
        {"role": "system", "content": "Use the shell.", "agent": "main"},
        {"role": "assistant", "content": "an example", "action": "ls", "agent": "main", "is_demo": True},
        {"role": "user", "content": f"Mend the kettle. {planted}", "agent": "main"},
        {
            "role": "assistant",
            "content": "Look.",
            "action": "ls",
            "tool_calls": [_call("c1", "bash", '{"command":"ls"}')],
        },
        {"role": "tool", "content": "kettle.py", "tool_call_ids": ["c1"]},
        {"role": "assistant", "content": "Done.", "action": "submit"},
    ]
    entries = [
        {"action": "ls", "observation": f"kettle.py {planted}", "response": "Look.", "thought": "Look.",
         "state": {"open_file": "n/a"}, "execution_time": 1.5},
        {"action": "submit", "observation": "a patch", "response": "Done.", "thought": f"Ready {planted}", "state": {}},
    ]  # fmt: skip
    config = {
        "agent": {"model": {"name": "small-1", "temperature": 0.0}, "templates": {"system": planted or "x"}},
        "problem_statement": {"id": "kettle-1", "text": f"It leaks. {planted}"},
    }
    info = {"exit_status": "submitted", "submission": "a patch", "model_stats": {"api_calls": 2}}
    return {"environment": "main", "trajectory": entries, "history": history, "info": info, "replay_config": config}


def openhands(planted: str = "") -> Any:
    response = {
        "id": "r1", "created": 1738046713, "model": "small-1", "usage": {"prompt_tokens": 5, "completion_tokens": 3},
        "choices": [{"finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": f"Running. {planted}",
            "tool_calls": [_call("c1", "bash", '{"command":"ls"}')],
        }}],
    }  # fmt: skip
    call = {"function_name": "bash", "tool_call_id": "c1", "model_response": response, "total_calls_in_response": 1}
    at = "2025-01-27T22:44:5{}.000000"
    return [
        {"id": 0, "timestamp": at.format(0), "source": "user", "message": "Look.", "action": "message",
         "args": {"content": f"Look. {planted}", "image_urls": None}},
        {"id": 1, "timestamp": at.format(1), "source": "environment", "message": "",
         "observation": "agent_state_changed", "content": "", "extras": {"agent_state": "running"}},
        {"id": 2, "timestamp": at.format(2), "source": "agent", "message": "", "action": "run", "timeout": 120,
         "args": {"command": "ls", "thought": planted}, "tool_call_metadata": call},
        {"id": 3, "timestamp": at.format(3), "source": "agent", "message": "", "observation": "run", "cause": 2,
         "content": f"kettle.py {planted}", "extras": {"exit_code": 1}, "success": False, "tool_call_metadata": call},
        {"id": 4, "timestamp": at.format(4), "source": "agent", "message": "There.", "action": "message",
         "args": {"content": f"There it is. {planted}"}},
    ]  # fmt: skip


def atif(planted: str = "") -> Any:
    metrics = {"prompt_tokens": 10, "completion_tokens": 4, "cost_usd": 0.5, "logprobs": [-0.5]}
    calls = [
        {"tool_call_id": "c1", "function_name": "find", "arguments": {"what": planted or "kettle"}},
        {"tool_call_id": "c2", "function_name": "ask", "arguments": {}},
    ]
    results = [{"source_call_id": "c2", "content": "Ann"}, {"source_call_id": "c1", "content": f"stove {planted}"}]
    at = "2025-01-15T14:00:0{}Z"
    return {
        "schema_version": "ATIF-v1.4", "session_id": "s-1",
        "agent": {"name": "finder", "version": "1.0", "model_name": "small-1"},
        "steps": [
            {"step_id": 1, "timestamp": at.format(0), "source": "user", "message": f"Where? {planted}"},
            {"step_id": 2, "timestamp": at.format(2), "source": "agent", "message": "Looking.", "model_name": "small-1",
             "reasoning_content": planted or "hm", "tool_calls": calls, "observation": {"results": results},
             "metrics": metrics},
            {"step_id": 3, "timestamp": at.format(5), "source": "agent", "message": f"There. {planted}"},
        ],
        "final_metrics": {"total_cost_usd": 0.5},
    }  # fmt: skip


def inspect_log(planted: str = "") -> Any:
    at = "2025-05-12T20:28:1{}.000000-04:00"
    said = {"role": "assistant", "content": f"Yes {planted}"}
    output = {
        "model": "small-1", "choices": [{"message": said, "stop_reason": "stop"}],
        "usage": {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}, "time": 0.5,
    }  # fmt: skip
    asked = [{"role": "user", "content": "attachment://a1"}]
    events = [
        {"event": "span_begin", "timestamp": at.format(0), "id": "s1", "span_id": "s1",
         "type": "solver", "name": "generate"},
        {"event": "model", "timestamp": at.format(1), "span_id": "s1", "model": "small-1", "input": asked, "tools": [],
         "config": {}, "output": output, "completed": at.format(2)},
        {"event": "tool", "timestamp": at.format(3), "span_id": "s1", "id": "c1", "function": "ask",
         "arguments": {"q": 1}, "result": f"no {planted}", "completed": at.format(4),
         "error": {"type": "timeout", "message": f"too late {planted}"}},
        {"event": "span_end", "timestamp": at.format(5), "id": "s1", "span_id": "s1"},
        {"event": "score", "timestamp": at.format(6), "score": {"value": "C", "explanation": planted or "so"}},
    ]  # fmt: skip
    sample = {
        "id": 1, "epoch": 1, "uuid": "u1", "input": "attachment://a1", "target": "Yes", "events": events,
        "output": output,
        "messages": [*asked, said], "attachments": {"a1": f"Is it? {planted}"}, "scores": {"match": {"value": "C"}},
        "mood": planted or "calm",
    }  # fmt: skip
    evaluation = {"task": "asking", "run_id": "r1", "model": "small-1", "created": at.format(0), "packages": {"x": "1"}}
    without_events = {**sample, "id": 2, "uuid": "u2", "events": []}
    return {
        "version": 2,
        "status": "success",
        "eval": evaluation,
        "plan": {"name": "p"},
        "samples": [sample, without_events],
    }


def langfuse(planted: str = "") -> Any:
    at = "2025-12-04T14:51:2{}.000Z"

    def one(number: int, kind: str, parent: int | None, **more: Any) -> dict[str, Any]:
        above = None if parent is None else f"o{parent}"
        times = {"startTime": at.format(number), "endTime": at.format(9)}
        return {
            "id": f"o{number}",
            "parentObservationId": above,
            "type": kind,
            "name": f"{kind} {number}",
            **times,
            **more,
        }

    kinds = ("TOOL", "RETRIEVER", "EVALUATOR", "GUARDRAIL", "EMBEDDING", "CHAIN", "SPAN")
    asked = {"messages": [{"role": "user", "content": f"Where? {planted}"}]}
    generation = {
        "input": json.dumps(asked), "output": f"There. {planted}", "model": "small-1",
        "modelParameters": {"temperature": 0.5},
        "usageDetails": {"input": 8, "output": 2, "total": 10}, "costDetails": {"total": 0.125}, "inputUsage": 8,
    }  # fmt: skip
    observations = [one(place, kind, 0, input={"q": planted}) for place, kind in enumerate(kinds, start=2)]
    observations += [one(1, "GENERATION", 0, **generation), one(0, "AGENT", None, metadata={"note": planted})]
    observations[0] |= {"level": "ERROR", "statusMessage": f"broken {planted}", "internalModelId": "m1"}
    trace = {"id": "t1", "name": "finder", "tags": ["home"], "input": planted or None, "userId": "u1", "public": True}
    return {"trace": trace, "observations": observations}


RECORDINGS: dict[str, Recording] = {
    "tool-calling-messages": tau,
    "mini-swe-agent": mini_swe_agent,
    "swe-agent": swe_agent,
    "openhands": openhands,
    "atif": atif,
    "inspect": inspect_log,
    "langfuse": langfuse,
}
