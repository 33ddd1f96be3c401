"""What Lambda passes as a handler's second argument."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

REGION, ACCOUNT = "local", "000000000000"


@dataclass
class LocalContext:
    """A stand-in for the Lambda runtime's context object, new for each invocation.

    Args:
        function_name: shown in logs.
        timeout: seconds from now that `get_remaining_time_in_millis` counts down.
    """

    function_name: str
    timeout: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    memory_limit_in_mb: int = 1024
    function_version: str = "$LATEST"

    def __post_init__(self) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self._deadline = time.monotonic() + self.timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation would be ended; never negative."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
