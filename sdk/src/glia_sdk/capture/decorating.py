"""Functions whose calls are steps or runs: plain ones, generators, coroutines and asynchronous generators.

Around a generator the step is current only while the generator itself works, not while its consumer does.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from glia_sdk.capture.steps import Step

if TYPE_CHECKING:
    from glia_sdk.capture.kinds import Opening
    from glia_sdk.capture.runs import run

STREAM = "glia.stream.status"
ABANDONED = "abandoned"  # whoever read it stopped before its end
Begin = Callable[[tuple[Any, ...], dict[str, Any]], Step]


def decorated(function: Any, opening: Opening) -> Any:
    """The function, each of whose calls is a step."""
    name = opening.name or _name_of(function)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        return opening.begin_call(name, args, kwargs)

    if inspect.isasyncgenfunction(function):
        return _async_generator(function, begin, opening.keeps_output)
    if inspect.isgeneratorfunction(function):
        return _generator(function, begin, opening.keeps_output)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, begin, opening.keeps_output)
    return _plain(function, begin, opening.keeps_output)


def _name_of(function: Any) -> str:
    """Its name with its class, without the function it is defined in."""
    return str(getattr(function, "__qualname__", type(function).__name__)).rpartition("<locals>.")[2]


def decorated_run(function: Any, again: Callable[[], run]) -> Any:
    """The function, each of whose calls is a run."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with again():
                return await function(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with again():
            return function(*args, **kwargs)

    return called


def _plain(function: Any, begin: Begin, keeps: bool) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs) as step:
            result = function(*args, **kwargs)
            if keeps:
                step.output(result)
            return result

    return called


def _coroutine(function: Any, begin: Begin, keeps: bool) -> Any:
    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs) as step:
            result = await function(*args, **kwargs)
            if keeps:
                step.output(result)
            return result

    return called


class _Within:
    """The step is current inside the block."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __enter__(self) -> None:
        self._step.enter()

    def __exit__(self, *_: object) -> None:
        self._step.leave()


class _Pieces:
    """What a generator yielded so far."""

    def __init__(self, step: Step, keeps: bool) -> None:
        self._step = step
        self._pieces: list[Any] | None = [] if keeps and step.is_recorded else None

    def add(self, piece: Any) -> None:
        if self._pieces is not None:
            self._pieces.append(piece)
        self._step.chunk(len(piece) if isinstance(piece, str | bytes) else 1)

    def tell(self) -> None:
        """The output: a text if it came in pieces of text, else the list of pieces."""
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            is_text = bool(pieces) and all(isinstance(piece, str) for piece in pieces)
            self._step.output("".join(pieces) if is_text else pieces)


def _generator(function: Any, begin: Begin, keeps: bool) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        step = begin(args, kwargs)
        pieces, within = _Pieces(step, keeps), _Within(step)
        try:
            with within:
                inner = function(*args, **kwargs)
                piece = next(inner)
            while True:
                pieces.add(piece)
                try:
                    sent = yield piece
                except GeneratorExit:
                    with within:
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                    with within:
                        piece = inner.throw(error)
                else:
                    with within:
                        piece = next(inner) if sent is None else inner.send(sent)
        except StopIteration as stop:
            pieces.tell()
            step.complete()
            return stop.value
        except GeneratorExit:
            pieces.tell()
            step.complete({STREAM: ABANDONED})
            raise
        except BaseException as error:
            pieces.tell()
            step.fail(error)
            raise

    return called


def _async_generator(function: Any, begin: Begin, keeps: bool) -> Any:
    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        step = begin(args, kwargs)
        pieces, within = _Pieces(step, keeps), _Within(step)
        try:
            with within:
                inner = function(*args, **kwargs)
                piece = await anext(inner)
            while True:
                pieces.add(piece)
                try:
                    sent = yield piece
                except GeneratorExit:
                    with within:
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                    with within:
                        piece = await inner.athrow(error)
                else:
                    with within:
                        piece = await inner.asend(sent)
        except StopAsyncIteration:
            pieces.tell()
            step.complete()
        except GeneratorExit:
            pieces.tell()
            step.complete({STREAM: ABANDONED})
            raise
        except BaseException as error:
            pieces.tell()
            step.fail(error)
            raise

    return called
