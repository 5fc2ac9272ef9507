"""A test that calls nothing but its own mocks, and asserts what it told them: no code of the project runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, dotted, is_assertion, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF201"
NAME = "only-mocks"
DEFAULT = True
MESSAGE = "the only model of a test is a mock: the test asserts what it has told the mock itself"

_MOCKS = {
    "Mock",
    "MagicMock",
    "AsyncMock",
    "NonCallableMock",
    "NonCallableMagicMock",
    "PropertyMock",
    "create_autospec",
}
_PATCHES = ("patch", "patch.object", "mock.patch", "mock.patch.object", "mocker.patch", "mocker.patch.object")
_MOCKING = re.compile("Mock|create_autospec|patch")
_PLAIN = frozenset(
    "len isinstance issubclass hasattr getattr setattr callable list tuple dict set frozenset range print str int bool "  # noqa: SIM905
    "float sorted all any type sum zip enumerate min max abs round iter next repr id object SimpleNamespace".split()
)
_DATA = {"torch", "np", "numpy", "jnp", "tf"}
_MAKERS = frozenset(
    "tensor ones zeros rand randn randint arange full empty array asarray eye linspace ones_like zeros_like seed cat "  # noqa: SIM905
    "manual_seed Size device no_grad inference_mode equal allclose isfinite isnan array_equal assert_close stack "
    "assert_allclose LongTensor FloatTensor Tensor all any".split()
)


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the test."""
    if _MOCKING.search(source) is None:
        return
    lines = source.split("\n")
    for test in suite(source).tests:
        first = min(each.lineno for each in (test.function, *test.function.decorator_list))
        if not any(_MOCKING.search(line) for line in lines[first - 1 : test.function.end_lineno]):
            continue
        if not test.inner and _Mocked(test).only():
            said = f"{test.function.name} calls only its own mocks, and asserts what it told them"
            yield at(path, test.function, CODE, said, "call the code under test")


class _Mocked:
    """A test with the names that it gives, all of which stand for mocks and data if nothing else is called."""

    def __init__(self, test: Test) -> None:
        self._nodes = [node for statement in test.function.body for node in ast.walk(statement)]
        self._calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        self._patched = set(_patched([*test.function.decorator_list, *self._calls]))
        self._given = {
            node.id for node in self._nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        if self._patched:
            # The mocks that the decorators make.
            self._given |= {each.arg for each in test.function.args.args if each.arg not in ("self", "cls")}

    def only(self) -> bool:
        """Whether something is mocked and asserted, and all that is called or asserted is mocks, data and built-ins."""
        names = [dotted(call.func) for call in self._calls]
        if not self._patched and not any(last(name) in _MOCKS for name in names):
            return False
        claims = [node for node in self._nodes if isinstance(node, ast.Assert) or self._is_claim(node)]
        return bool(claims) and all(map(self._is_known, names)) and all(map(self._is_of_own, claims))

    def _is_claim(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and is_assertion(node) and last(dotted(node.func)).startswith("assert")

    def _is_known(self, name: str) -> bool:
        root, _, rest = name.partition(".")
        end = last(name)
        if root in self._given or (root in _DATA and end in _MAKERS) or name in _PLAIN or name in ("call", "mock.call"):
            return True
        if (root == "self" and rest.startswith("assert")) or name in ("pytest.raises", "pytest.approx"):
            return True
        return end in _MOCKS or name.removeprefix("unittest.") in _PATCHES or self._is_patched(name)

    def _is_patched(self, name: str) -> bool:
        parts = tuple(name.split("."))
        return any(parts == target[-1:] or parts[-2:] == target[-2:] for target in self._patched)

    def _is_of_own(self, claim: ast.AST) -> bool:
        """Whether an assertion speaks of a name that the test gave."""
        return any(isinstance(node, ast.Name) and node.id in self._given for node in ast.walk(claim))


def _patched(nodes: list[ast.expr] | list[ast.Call]) -> Iterator[tuple[str, ...]]:
    """What is patched, as the parts of its dotted name."""
    for node in nodes:
        if not isinstance(node, ast.Call) or len(node.args) not in (1, 2) or node.keywords:
            continue
        name = dotted(node.func).removeprefix("unittest.")
        first = node.args[0]
        if (
            name in _PATCHES
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
            and len(node.args) == 1
        ):
            yield tuple(first.value.split("."))
        elif name in _PATCHES and name.endswith("object") and len(node.args) == 2:
            attribute = node.args[1]
            if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
                yield (*dotted(first).split("."), attribute.value)
