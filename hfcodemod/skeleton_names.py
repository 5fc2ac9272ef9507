"""What the parts of a skeleton define: the names by which a module, and what was written into it, may use them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hfcodemod.errors import UserError
from hfcodemod.loader import codemod
from hfcodemod.textfile import read


@dataclass(frozen=True)
class Definition:
    """A name that a skeleton defines, and the definition without regard to layout."""

    path: Path
    line: int
    scope: str
    """The test class that it is in; empty at the top level."""
    name: str
    kind: str
    source: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.name}" if self.scope else self.name


def definitions(paths: Iterable[Path]) -> dict[str, Definition]:
    """What the parts define, by name: the first of several of a name.

    Raises UserError for a part that does not parse.
    """
    found: dict[str, Definition] = {}
    for path in paths:
        for item in _defined(path):
            found.setdefault(item.name, item)
    return found


def _defined(path: Path) -> Iterator[Definition]:
    file = read(path)
    assert file is not None
    try:
        tree = ast.parse(file.text)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: the skeleton does not parse; mend it first") from error
    classes = codemod("scopes", "test_classes")(tree)
    for scope, body in (("", tree.body), *((item.name, item.body) for item in classes)):
        for node in body:
            for name, kind in _names(node):
                yield Definition(path, node.lineno, scope, name, kind, ast.unparse(node))


def _names(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that a statement defines, and what they are."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        fixtures = codemod("scopes", "fixture_names")(node)
        kind = "fixture" if fixtures else "test" if node.name.startswith("test") else "function"
        yield from ((name, kind) for name in fixtures or {node.name})
    elif isinstance(node, ast.ClassDef):
        yield node.name, "class"
    elif not isinstance(node, ast.Import | ast.ImportFrom):
        bindings = codemod("scopes", "bindings_of")(ast.Module([node], []))
        yield from ((name, "constant") for name in sorted(bindings.bound - bindings.imported.keys()))
