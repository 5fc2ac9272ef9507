"""A fault, and the list of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from injection import Scene, Subject

Reason = Callable[[Subject], str | None]
Inject = Callable[[Scene], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Fault:
    """One thing that breaks, with the classes that it can't break and the way in."""

    name: str
    breaks: str
    reason: Reason
    inject: Inject


FAULTS: list[Fault] = []


def fault(name: str, breaks: str, *reasons: Reason) -> Callable[[Inject], Inject]:
    """Lists a fault; it applies to a class unless one of the reasons speaks against it."""

    def first(subject: Subject) -> str | None:
        try:
            return next((found for reason in reasons if (found := reason(subject))), None)
        except (RuntimeError, ValueError) as error:
            return f"the real model fails in the trial that tells whether it can show: {type(error).__name__}"

    def listed(inject: Inject) -> Inject:
        FAULTS.append(Fault(name, breaks, first, inject))
        return inject

    return listed
