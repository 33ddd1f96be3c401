"""Doing something as soon as a package is loaded, without loading it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def when_loaded(package: str, act: Callable[[], None]) -> None:
    """Calls `act` now if the package is loaded, else once it is."""
    if package in sys.modules:
        act()
    elif not any(isinstance(one, _Finder) and (one.package, one.act) == (package, act) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder(package, act))


class _Finder(MetaPathFinder):
    def __init__(self, package: str, act: Callable[[], None]) -> None:
        self.package = package
        self.act = act

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.package:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.act)
        return spec


class _Loader(Loader):
    """A package's own loader, and then `act`."""

    def __init__(self, loader: Loader, act: Callable[[], None]) -> None:
        self._loader = loader
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._act()
