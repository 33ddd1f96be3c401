"""One CloudFormation stack: created or updated by a change set, watched, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]  # roles; the SAM transform
UNCHANGED = ("didn't contain changes", "No updates are to be performed", "no changes", "contains no changes")
TIMEOUT = 3600.0
Say = Callable[[str], None]


def _is_over(status: str | None) -> bool:
    return status is None or (status.endswith(("_COMPLETE", "_FAILED")) and "CLEANUP" not in status)


class StackError(Exception):
    """CloudFormation refused or rolled back; the message says why."""


@dataclass
class Stack:
    """
    Args:
        client: a boto3 CloudFormation client.
        name: of the stack.
        say: called with a line for each thing that happens.
        pause: seconds between two looks.
    """

    client: Any
    name: str
    say: Say
    pause: float = 2.0
    _seen: set[str] = field(default_factory=set)

    def status(self) -> str | None:
        """None if there is no such stack, or only an unused draft of one."""
        found = self._describe()
        return None if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS" else str(found["StackStatus"])

    def outputs(self) -> dict[str, str]:
        found = self._describe() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def apply(self, template_url: str, parameters: Mapping[str, str]) -> bool:
        """Creates or updates the stack, and waits for it. False if there was nothing to change.

        Args:
            parameters: those that are not named keep their value, or get their default.

        Raises:
            StackError: CloudFormation refused, or rolled back.
        """
        if self.status() == "ROLLBACK_COMPLETE":  # what a failed creation leaves can only be deleted
            self.delete()
        self._note_events()
        exists = self.status() is not None
        change_set = self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateURL=template_url,
            Capabilities=CAPABILITIES,
            Parameters=list(self._parameters(template_url, parameters)),
        )["Id"]
        if not self._is_ready(change_set):
            self.client.delete_change_set(ChangeSetName=change_set, StackName=self.name)
            return False
        self.client.execute_change_set(ChangeSetName=change_set, StackName=self.name)
        self._wait({"UPDATE_COMPLETE"} if exists else {"CREATE_COMPLETE"})
        return True

    def delete(self) -> None:
        """Deletes the stack and waits until it is gone; none is no error."""
        found = self._describe()
        if found is None:
            return
        self._note_events()
        self.client.delete_stack(StackName=self.name)
        self._wait({"DELETE_COMPLETE", None}, found["StackId"])

    def _parameters(self, template_url: str, given: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        known = {p["ParameterKey"] for p in self.client.get_template_summary(TemplateURL=template_url)["Parameters"]}
        if unknown := given.keys() - known:
            raise StackError(f"the template has no parameter {', '.join(sorted(unknown))}")
        for name, value in given.items():
            yield {"ParameterKey": name, "ParameterValue": value}
        before = {parameter["ParameterKey"] for parameter in (self._describe() or {}).get("Parameters", [])}
        for name in (before & known) - given.keys():
            yield {"ParameterKey": name, "UsePreviousValue": True}

    def _is_ready(self, change_set: str) -> bool:
        for _ in self._looks():
            found = self.client.describe_change_set(ChangeSetName=change_set, StackName=self.name)
            if found["Status"] == "CREATE_COMPLETE":
                return True
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                if any(text in reason for text in UNCHANGED):
                    return False
                raise StackError(reason)
        raise StackError("the change set is not ready in time")

    def _wait(self, wanted: set[str | None], stack_id: str | None = None) -> None:
        for _ in self._looks():
            self._tell_events(stack_id)
            found = self._describe(stack_id)
            status = found["StackStatus"] if found else None
            if status in wanted:
                return
            if _is_over(status):
                raise StackError(f"{self.name} ended as {status}")
        raise StackError(f"{self.name} is not done in time")

    def _looks(self) -> Iterator[None]:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            yield
            time.sleep(self.pause)

    def _describe(self, stack_id: str | None = None) -> dict[str, Any] | None:
        try:
            stacks: list[dict[str, Any]] = self.client.describe_stacks(StackName=stack_id or self.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return stacks[0] if stacks else None

    def _events(self, stack_id: str | None) -> list[dict[str, Any]]:
        try:
            return list(self.client.describe_stack_events(StackName=stack_id or self.name)["StackEvents"])
        except ClientError:
            return []

    def _note_events(self) -> None:
        self._seen.update(event["EventId"] for event in self._events(None))

    def _tell_events(self, stack_id: str | None) -> None:
        for event in reversed(self._events(stack_id)):
            if event["EventId"] not in self._seen:
                self._seen.add(event["EventId"])
                reason = event.get("ResourceStatusReason") or ""
                self.say(f"{event['ResourceStatus']:<20} {event['LogicalResourceId']} {reason}".rstrip())
