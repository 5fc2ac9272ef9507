"""A class with tests that pytest passes over: its name, its ``__init__``, or the place where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, dotted, is_assertion, last, suite
from hfcodemod.ruleset import Facts
from hfcodemod.syntax import nodes

CODE = "HF203"
NAME = "uncollected-class"
DEFAULT = True
MESSAGE = "pytest does not collect a class with tests"

# What such classes are called that others inherit from.
_FOR_OTHERS = (
    "mixin",
    "base",
    "abstract",
    "common",
    "generic",
    "template",
    "cases",
    "helper",
    "tester",
    "testing",
)
_ROOTS = {"object"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the class."""
    found = suite(source)
    top = {chain[0].name: chain[0] for chain in found.classes if len(chain) == 1}
    for chain in found.classes:
        why = _passed_over(chain, top, facts.pytest.classes)
        if why and chain[-1].name not in _used(source, inherited=not chain[-1].name.startswith(facts.pytest.classes)):
            yield at(path, chain[-1], CODE, f"pytest does not collect {chain[-1].name}: {why[0]}", why[1])
    for test in found.tests:
        for inner in test.inner:
            if isinstance(inner, ast.ClassDef) and _is_like_a_test(inner, facts) and not _is_named(inner.name, test):
                said = f"pytest does not collect {inner.name}: it is defined in a function"
                yield at(path, inner, CODE, said, "move it out")


def _is_named(name: str, test: Test) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for each in test.statements for node in ast.walk(each))


def _is_like_a_test(one: ast.ClassDef, facts: Facts) -> bool:
    return _has_tests(one) and one.name.startswith(facts.pytest.classes) and not one.decorator_list


def _passed_over(
    chain: Sequence[ast.ClassDef], top: Mapping[str, ast.ClassDef], prefixes: tuple[str, ...]
) -> tuple[str, str] | None:
    """Why pytest does not collect a class that has tests, and the remedy."""
    one = chain[-1]
    if not _has_tests(one) or one.decorator_list or one.keywords or any(_opted_out(each) for each in chain):
        return None
    if len(chain) > 1:
        if _is_unittest(chain[-2], top) and not _is_unittest(one, top):
            return f"{chain[-2].name} is a unittest.TestCase, whose classes are not looked at", "move it out"
        if _lineage(chain[-2], top) is None:
            return None
    lineage = _lineage(one, top)
    if lineage is None:
        return None
    if not one.name.startswith(prefixes):
        others = one.name.startswith("_") or any(word in one.name.lower() for word in _FOR_OTHERS)
        if others or len(chain) > 1 or len(lineage) > 1 or not any(map(is_assertion, ast.walk(one))):
            return None
        return f"its name does not begin with {' or '.join(prefixes)}", f"call it {prefixes[0]}..."
    for each in lineage:
        for method in ("__init__", "__new__"):
            if any(isinstance(item, ast.FunctionDef) and item.name == method for item in each.body):
                whose = "it has" if each is one else f"{each.name} has"
                return f"{whose} an {method}", "make it a fixture or setup_method"
    return None


def _used(source: str, inherited: bool) -> set[str]:
    """The names that the module calls, or that it uses in any way: a class that others inherit from is not lost."""
    if not inherited:
        return {dotted(node.func) for node in nodes(source) if isinstance(node, ast.Call)}
    return {node.id for node in nodes(source) if isinstance(node, ast.Name)}


def _has_tests(one: ast.ClassDef) -> bool:
    return any(
        isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("test") for item in one.body
    )


def _opted_out(one: ast.ClassDef) -> bool:
    """Whether a class says ``__test__``."""
    return any(
        isinstance(item, ast.Assign)
        and any(isinstance(name, ast.Name) and name.id == "__test__" for name in item.targets)
        for item in one.body
    )


def _is_unittest(one: ast.ClassDef, top: Mapping[str, ast.ClassDef]) -> bool:
    """Whether a class is surely a TestCase."""
    names = [last(dotted(base)) for base in one.bases]
    return any(
        name in ("TestCase", "IsolatedAsyncioTestCase")
        or (name != one.name and name in top and _is_unittest(top[name], top))
        for name in names
    )


def _lineage(one: ast.ClassDef, top: Mapping[str, ast.ClassDef]) -> list[ast.ClassDef] | None:
    """A class and all that it inherits from; None where one of them is not known here."""
    found = [one]
    for each in found:
        for base in each.bases:
            name = dotted(base)
            if name in _ROOTS:
                continue
            if name not in top or top[name] in found:
                return None
            found.append(top[name])
    return found
