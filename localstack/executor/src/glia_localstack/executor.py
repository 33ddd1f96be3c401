"""LocalStack's runtime executor, with a process where LocalStack has a container.

A process runs `python -m awslambdaric` in the unpacked package, with the package's own requirements before those of
this environment, as in the managed runtime. It serves one event at a time; it is stopped when its time is over, and
started again for the next event after it was stopped or has died.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from glia_localstack.runtime_api import Answer, Invocation, RuntimeApi, remaining

HOST = "127.0.0.1"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 2.0
POLL = 0.2
_unpacking = threading.Lock()


class ProcessRuntimeExecutor(RuntimeExecutor):  # type: ignore[misc]  # LocalStack ships no types
    """One environment of one function version."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._environ: dict[str, str] = {}
        self._api: RuntimeApi | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[str] = []

    def start(self, env_vars: dict[str, Any]) -> None:
        """Returns when the function is loaded.

        Raises:
            StatusErrorException: it cannot be loaded; the payload says why.
        """
        self._environ = {name: str(value) for name, value in env_vars.items() if value is not None}
        self._launch()

    def stop(self) -> None:
        process, api, self._process, self._api = self._process, self._api, None, None
        if process:
            _end(process)
        if api:
            api.close()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Hands the event over and waits for the answer, as long as the function may take."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._launch()
        invocation = self._invocation(payload)
        self._lines[:] = [f"START RequestId: {invocation.request_id}\n"]
        assert self._api
        self._api.put(invocation)
        answer = self._answer(invocation)
        self._lines.append(f"END RequestId: {invocation.request_id}\n")
        return InvocationResult(invocation.request_id, answer.payload, answer.is_error, self.get_logs())

    def get_logs(self) -> str:
        return "".join(self._lines)

    def get_address(self) -> str:
        return HOST

    def get_endpoint_from_executor(self) -> str:
        return HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{HOST}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        if function_version.config.code:
            unpacked(function_version.config.code)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing: other versions and functions may run from the same folder. It goes with this run's other files."""

    def _launch(self) -> None:
        api = self._api = RuntimeApi()
        handler = str(self.function_version.config.handler)
        code = unpacked(self.function_version.config.code)
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=code,
            env={
                **_system(code),
                **self._environ,
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "LAMBDA_TASK_ROOT": str(code),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for LocalStack, which stops us
        )
        threading.Thread(target=self._pump, args=[process], daemon=True).start()
        self._wait_loaded(process, api)

    def _wait_loaded(self, process: subprocess.Popen[bytes], api: RuntimeApi) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not api.ready.wait(POLL) and process.poll() is None and time.monotonic() < deadline:
            pass
        if api.failure is None and api.ready.is_set():
            return
        failure = api.failure or _error("", "Runtime.ExitError", "The function could not be loaded.")
        self.stop()
        raise StatusErrorException("the function could not be loaded", payload=failure.payload)

    def _invocation(self, payload: dict[str, str]) -> Invocation:
        return Invocation(
            request_id=payload["invoke-id"],
            arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            payload=payload["payload"].encode(),
            deadline=time.time() + float(self.function_version.config.timeout),
        )

    def _answer(self, invocation: Invocation) -> Answer:
        while (process := self._process) and (api := self._api):
            try:
                answer = api.answers.get(timeout=min(POLL, remaining(invocation)))
            except queue.Empty:
                if remaining(invocation) and process.poll() is None:
                    continue
                return self._cut_off(invocation)
            if answer.request_id == invocation.request_id:
                return answer
        return _error(invocation.request_id, "Runtime.Stopped", "The environment was stopped.")

    def _cut_off(self, invocation: Invocation) -> Answer:
        """The function's time is over, or its process has died: as on AWS, the next event finds a new one."""
        timed_out = not remaining(invocation)
        self.stop()
        if timed_out:
            seconds = f"{float(self.function_version.config.timeout):.2f}"
            return _error(invocation.request_id, "Sandbox.Timedout", f"Task timed out after {seconds} seconds")
        return _error(invocation.request_id, "Runtime.ExitError", "Runtime exited")

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        """Keeps the function's lines for its log, and passes them on."""
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                text = line.decode("utf-8", "replace")
                self._lines.append(text)
                sys.stdout.write(text)
                sys.stdout.flush()


def unpacked(code: Any) -> Path:
    """The folder of a package's contents: one for all functions and versions that share the package."""
    folder = Path(tempfile.gettempdir()) / "functions" / hashlib.sha256(code.code_sha256.encode()).hexdigest()[:16]
    with _unpacking:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            with tempfile.TemporaryFile() as archive:
                code._download_archive_to_file(archive)
                zipfile.ZipFile(archive).extractall(partial)
            partial.rename(folder)
    return folder


def _system(code: Path) -> dict[str, str]:
    """What a process needs of this machine, and nothing of our own environment beside."""
    kept = {name: os.environ[name] for name in ("TMPDIR", "HOME") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(code), "PYTHONUNBUFFERED": "1", **kept}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _error(request_id: str, kind: str, message: str) -> Answer:
    body = {"errorType": kind, "errorMessage": f"{request_id} {message}".strip()}
    return Answer(request_id, json.dumps(body).encode(), is_error=True)
