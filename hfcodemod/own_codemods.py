"""A team's own codemods: classes in files of the repository, run last on each module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.loader import module_of
from hfcodemod.textfile import source_of

if TYPE_CHECKING:
    from libcst.codemod import Codemod

    from hfcodemod.architecture import Target


@dataclass(frozen=True)
class OwnCodemod:
    """A codemod class and the file that holds it."""

    path: Path
    name: str

    @cached_property
    def source(self) -> str:
        """The text of the file: part of what a module is made from."""
        return source_of(self.path, f"codemod {self.name}")


def applied(codemods: Sequence[OwnCodemod], source: str, target: Target) -> str:
    """The source after every codemod, in order; one that raises SkipFile leaves it as it is.

    Raises UserError for a codemod that cannot be loaded, fails, or writes what does not parse.
    """
    if not codemods:
        return source
    from libcst.codemod import CodemodContext, TransformExit, TransformFailure, TransformSuccess, transform_module

    scratch = {"model_type": target.architecture.model_type, "name": target.original}
    for own in codemods:
        cls = _loaded(own.path, own.name, own.source)
        context = CodemodContext(filename=target.name, scratch=dict(scratch))
        result = transform_module(cls(context), source)
        if isinstance(result, TransformSuccess):
            _check(own, target, result.code)
            source = result.code
        elif isinstance(result, TransformExit):
            raise KeyboardInterrupt
        elif isinstance(result, TransformFailure):
            raise UserError(f"{own.path}: the codemod {own.name} failed on {target.original}: {_said(result.error)}")
    return source


@cache
def _loaded(path: Path, name: str, source: str) -> type[Codemod]:
    """The class of a file; ``source`` tells one version of it from another."""
    from libcst.codemod import Codemod

    module = module_of(path, source)
    cls = getattr(module, name, None)
    if cls is None:
        raise UserError(f"{path}: has no class {name}; correct `codemods` in pyproject.toml")
    if not (isinstance(cls, type) and issubclass(cls, Codemod)):
        raise UserError(f"{path}: {name} is no libcst.codemod.Codemod; derive it from VisitorBasedCodemodCommand")
    return cls


def _check(own: OwnCodemod, target: Target, source: str) -> None:
    try:
        # The parser alone would take a `return` outside of a function.
        compile(source, own.name, "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"line {error.lineno} of what it makes is no Python ({error.msg})"
        raise UserError(f"{own.path}: the codemod {own.name} failed on {target.original}: {place}") from error


def _said(error: BaseException) -> str:
    """The error on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
