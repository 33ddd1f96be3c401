"""The seven kinds of steps, each a decorator and a context manager."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar, overload

from glia_sdk.capture import session
from glia_sdk.capture.snapshots import snapshot
from glia_sdk.capture.steps import INPUT, Step, signed_request

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_NOTHING: Final = object()


class Opening:
    """A step that is to begin: `with` it for a block, or decorate a function for each of its calls.

    Args:
        name: None takes the function's.
        input: what the step is given, if it is known before; for a function its arguments are.
        keeps_input, keeps_output: whether a function's arguments and result are recorded.
    """

    def __init__(
        self,
        kind: str,
        name: str | None,
        *,
        input: Any = _NOTHING,
        attributes: dict[str, Any] | None = None,
        keeps_input: bool = True,
        keeps_output: bool = True,
    ) -> None:
        self.kind = kind
        self.name = name
        self.keeps_input = keeps_input
        self.keeps_output = keeps_output
        self._input = input
        self._attributes = attributes
        self._step: Step | None = None

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        from glia_sdk.capture.decorating import decorated

        wrapped: Callable[Arguments, Result] = decorated(function, self)
        return wrapped

    def begin(self, name: str, given: Any = _NOTHING) -> Step:
        """Starts a step; what it is given is copied."""
        step = Step(self.kind, name)
        if session.recorder() is None:
            return step
        told: dict[str, Any] = {"gen_ai.tool.name": name} if self.kind == "tool" else {}
        weight, request = 0, None
        if self._attributes:
            copied, weight = snapshot(self._attributes)
            told |= copied
        if given is not _NOTHING:
            arguments, more = snapshot(given)
            told[step.named(INPUT)] = arguments
            request, weight = signed_request(self.kind, name, arguments), weight + more
        return step.begin(told, request, weight)

    def begin_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """Starts the step of a function's call."""
        if not self.keeps_input:
            return self.begin(name)
        return self.begin(name, {"args": args, "kwargs": kwargs} if args else kwargs)

    def __enter__(self) -> Step:
        self._step = self.begin(self.name or self.kind, self._input)
        return self._step.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        step, self._step = self._step, None
        if step is not None:
            step.__exit__(kind, error, at)

    async def __aenter__(self) -> Step:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)


class Kind:
    """One kind of step.

        @glia.tool
        def search(query): ...

        @glia.tool(name="web search", keeps_output=False)
        async def search(query): ...

        with glia.tool("search", input={"query": "x"}) as step:
            step.output(...)

    Functions may be plain, generators, coroutines or asynchronous generators. Exceptions are recorded and go on their
    way as they are.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @overload
    def __call__(self, target: Callable[Arguments, Result], /) -> Callable[Arguments, Result]: ...
    @overload
    def __call__(
        self,
        target: str | None = None,
        /,
        *,
        name: str | None = None,
        input: Any = _NOTHING,
        attributes: dict[str, Any] | None = None,
        keeps_input: bool = True,
        keeps_output: bool = True,
    ) -> Opening: ...

    def __call__(self, target: Any = None, /, *, name: str | None = None, **options: Any) -> Any:
        if callable(target):
            return Opening(self.kind, None)(target)
        return Opening(self.kind, name or target, **options)


model = Kind("model")
retriever = Kind("retriever")
tool = Kind("tool")
planner = Kind("planner")
validator = Kind("validator")
safety = Kind("safety")
agent = Kind("agent")
