"""One test module for every Hugging Face architecture, generated from one skeleton and kept in step with it.

The functions are those of `hfcodemod.api`. They are loaded when they are asked for: the command line imports this
package, and what it does not need it must not wait for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfcodemod.api import (
        add,
        add_many,
        adopt,
        check,
        conflicts,
        coverage,
        merge,
        migrate,
        missing,
        probe,
        render,
        resolve,
        since,
        verify,
    )

__all__ = [
    "add",
    "add_many",
    "adopt",
    "check",
    "conflicts",
    "coverage",
    "merge",
    "migrate",
    "missing",
    "probe",
    "render",
    "resolve",
    "since",
    "verify",
]


class _Package(ModuleType):
    """The package: some functions have the name of the module that does the work.

    The import of a module ``hfcodemod.merge`` sets the attribute ``merge`` of its package, and would take the
    function's place as soon as somebody calls it.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


# A type checker would take any name for one that the package has.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            from hfcodemod import api

            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


sys.modules[__name__].__class__ = _Package
