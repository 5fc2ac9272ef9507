"""Renames what a skeleton defines wherever a module uses it, so that hand-written tests follow a renamed fixture.

Functions, fixtures, constants and classes; tests and fixtures in test classes; the parameters by which tests and
fixtures ask for a fixture, and the strings from which pytest takes such names. A local variable, what an import brings
and an attribute of another object only share the name and stay. Where the new name is taken the old one stays too,
which whoever merges then notices.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import re
from collections.abc import Collection, Mapping
from typing import Any

import libcst as cst
from libcst.helpers import get_full_name_for_node

from .command import lazy_command, pair
from .scopes import (
    Definitions,
    Function,
    bindings_of,
    bound_anywhere,
    bound_by_comprehension,
    fixtures_in,
    is_fixture,
    members_in,
    parameter_names,
    parameters_of,
    parametrized_names,
)

Names = frozenset[str]
NONE: Names = frozenset()


class DefinitionRenamer(cst.CSTTransformer):
    """Replaces each old name where it means the definition.

    ``homes`` are the modules by which an overlay imports from the skeleton itself; those imports follow, and so do
    relative ones. Without ``homes`` no import does.
    """

    def __init__(self, renames: Mapping[str, str], homes: Collection[str] | None = None) -> None:
        super().__init__()
        self.renames = {old: new for old, new in renames.items() if old != new}
        self.homes = homes
        self._word = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, self.renames)) or '(?!)'})(?!\w)")
        # The old names that mean something else: at this place, and in the functions that begin here.
        self._others: list[tuple[Names, Names]] = [(NONE, NONE)]
        # The same for the inside of a function, a class, a lambda or a comprehension that is about to be entered.
        self._inside: dict[cst.CSTNode, tuple[Names, Names]] = {}
        # What a node becomes, where its place alone doesn't tell; None for what stays.
        self._decided: dict[cst.CSTNode, str | None] = {}
        self._texts: dict[cst.CSTNode, Names] = {}
        # The parameters that are renamed in a function, and the function whose decorators these are.
        self._asked: dict[cst.CSTNode, Names] = {}
        self._decorated: list[cst.FunctionDef] = []
        # The functions and classes that these lines are in; of a class the old names that it leaves alone.
        self._functions: list[cst.FunctionDef] = []
        self._left: list[Names] = [NONE]

    # The module: which renames apply, and what the old names are in it.

    def visit_Module(self, node: cst.Module) -> bool:
        self.active: dict[str, str] = {}
        code = node.code
        # Where old names stand: to write a part of the tree out to see whether one is in it takes too long.
        lines = [number for number, line in enumerate(code.split("\n"), 1) if self._word.search(line)]
        if not lines:
            return False
        tree = ast.parse(code)
        self._definitions = Definitions(tree, lines)
        top = bindings_of(tree)
        members = members_in(tree)
        self._own_fixtures = fixtures_in(tree)
        known = top.bound.union(*members.values(), self._own_fixtures)
        self.active = {
            old: new
            for old, new in self.renames.items()
            if (new not in top.bound or new in self.renames)
            and (old in known or not hasattr(builtins, old))
            and all(self._follows(module) for module in top.imported.get(old, ()))
        }
        # A name that is nowhere defined is asked for from elsewhere: by an overlay, or from a conftest.
        self._fixtures = frozenset(old for old in self.active if old in self._own_fixtures or old not in top.bound)
        self._members = {name: self._followed(bound) for name, bound in members.items()}
        return bool(self.active)

    def _follows(self, module: str) -> bool:
        return self.homes is not None and (module.startswith(".") or module in self.homes)

    def _taken(self, bound: Collection[str]) -> Names:
        return frozenset(old for old, new in self.active.items() if new in bound and new not in self.active)

    def _followed(self, bound: Collection[str]) -> Names:
        return frozenset(self.active.keys() & bound) - self._taken(bound)

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return bool(self._functions or self._word.search(cst.Module([]).code_for_node(node)))

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        name = get_full_name_for_node(original_node.module) if original_node.module else None
        module = "." * len(original_node.relative) + (name or "")
        if isinstance(updated_node.names, cst.ImportStar) or self._functions or not self._follows(module):
            return updated_node
        names = [
            alias.with_changes(name=cst.Name(self.active.get(alias.evaluated_name, alias.evaluated_name)))
            for alias in updated_node.names
        ]
        return updated_node.with_changes(names=names)

    # Scopes: in each, some of the old names are others.

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        tree = self._definitions.met()
        if not self._definitions.concerned(tree):
            return False
        bound = bindings_of(tree).bound
        # A class that has the new name would answer for it in all its methods.
        self._asked[node] = self._left[-1] | self._taken(bound)
        functions = self._others[-1][1] | self._asked[node]
        followed = NONE if self._functions else self._members.get(node.name.value, NONE)
        self._inside[node] = (functions | (self.active.keys() & bound) - followed, functions)
        return True

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        tree = self._definitions.met()
        assert isinstance(tree, Function)
        if not self._functions and not self._definitions.concerned(tree):
            return False
        own = bindings_of(tree)
        others = self._others[-1][1]
        taken = NONE if self._functions else self._taken(bound_anywhere(tree))
        asks = not self._functions and (node.name.value.startswith("test") or is_fixture(tree))
        # What a test parametrizes itself is its own, unless it stands in for a fixture of the module.
        own_values = parametrized_names(tree) - self._own_fixtures
        asked = self._fixtures & parameters_of(tree) - taken - others - own_values if asks else NONE
        self._asked[node] = asked
        for name in parameter_names(node.params):
            self._decided[name] = self.active[name.value] if name.value in asked else None
        inside = (others - own.declared_global | self.active.keys() & own.bound | taken) - asked
        self._inside[node] = (inside, inside)
        return True

    def visit_Lambda(self, node: cst.Lambda) -> None:
        names = list(parameter_names(node.params))
        self._decided.update(dict.fromkeys(names))
        inside = self._others[-1][1] | {name.value for name in names}
        self._inside[node] = (inside, inside)

    def _enter(self, node: cst.CSTNode) -> None:
        self._others.append(self._inside.pop(node))

    def _leave(self, node: cst.CSTNode) -> None:
        self._others.pop()

    visit_Lambda_body = _enter
    leave_Lambda_body = _leave

    def visit_ClassDef_body(self, node: cst.ClassDef) -> None:
        self._enter(node)
        self._left.append(self._asked[node])

    def leave_ClassDef_body(self, node: cst.ClassDef) -> None:
        self._leave(node)
        self._left.pop()

    def visit_FunctionDef_decorators(self, node: cst.FunctionDef) -> None:
        self._decorated.append(node)

    def leave_FunctionDef_decorators(self, node: cst.FunctionDef) -> None:
        self._decorated.pop()

    def visit_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._enter(node)
        self._functions.append(node)

    def leave_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._leave(node)
        self._functions.pop()

    def _enter_comprehension(self, node: cst.BaseComp) -> None:
        here, functions = self._others[-1]
        targets = self.active.keys() & bound_by_comprehension(node)
        # The first iterable is evaluated outside.
        self._inside[node.for_in] = self._others[-1]
        self._others.append((here | targets, functions | targets))

    def _leave_comprehension(self, original_node: Any, updated_node: Any) -> Any:
        self._others.pop()
        return updated_node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _enter_comprehension
    leave_ListComp = leave_SetComp = leave_DictComp = leave_GeneratorExp = _leave_comprehension

    def visit_CompFor_iter(self, node: cst.CompFor) -> None:
        self._others.append(self._inside.pop(node, self._others[-1]))

    def leave_CompFor_iter(self, node: cst.CompFor) -> None:
        self._others.pop()

    # Names that say nothing by their place.

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self._decided.setdefault(node.keyword, None)

    def visit_MatchKeywordElement(self, node: cst.MatchKeywordElement) -> None:
        self._decided[node.key] = None

    def visit_Attribute(self, node: cst.Attribute) -> None:
        """Of attributes only those of the test itself, or of a test class by its name."""
        value = node.value
        owner = value.value if isinstance(value, cst.Name) else ""
        if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "super":
            owner = "self"
        classes = self._members.values() if owner in ("self", "cls") else [self._members.get(owner, NONE)]
        ours = node.attr.value in NONE.union(*classes) - self._left[-1]
        self._decided[node.attr] = self.active[node.attr.value] if ours else None

    def visit_Annotation(self, node: cst.Annotation) -> None:
        """An annotation that is a string names what it would name without quotes."""
        if isinstance(node.annotation, cst.SimpleString) and "Literal[" not in node.annotation.value:
            self._texts[node.annotation] = frozenset(self.active) - self._others[-1][0]

    def visit_Call(self, node: cst.Call) -> None:
        """The strings from which pytest takes names, and the keywords from which hypothesis does."""
        function = (get_full_name_for_node(node.func) or "").rpartition(".")[2]
        asked = self._asked[self._decorated[-1]] if self._decorated else self._fixtures
        for position, argument in enumerate(node.args):
            keyword = argument.keyword.value if argument.keyword else ""
            first = position == 0 and not keyword
            if function == "parametrize" and (first or keyword in ("argnames", "indirect")):
                self._decide_texts(argument.value, asked)
            elif (
                function == "usefixtures"
                or (function == "getfixturevalue" and first)
                or (function == "fixture" and keyword == "name")
            ):
                self._decide_texts(argument.value, self._fixtures)
            elif function in ("given", "example") and argument.keyword and keyword in asked:
                self._decided[argument.keyword] = self.active[keyword]

    def _decide_texts(self, value: cst.BaseExpression, names: Names) -> None:
        if isinstance(value, cst.SimpleString):
            self._texts[value] = names - self._left[-1]
        elif isinstance(value, cst.List | cst.Tuple):
            for element in value.elements:
                self._decide_texts(element.value, names)

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        names = self._texts.pop(original_node, NONE)
        if not names:
            return updated_node
        text = self._word.sub(
            lambda match: self.active[match[0]] if match[0] in names else match[0], original_node.value
        )
        return updated_node.with_changes(value=text)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        old = original_node.value
        if original_node in self._decided:
            new = self._decided.pop(original_node)
        else:
            new = None if old in self._others[-1][0] else self.active.get(old)
        return updated_node if new is None else updated_node.with_changes(value=new)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--rename", metavar="OLD=NEW", type=pair, action="append", required=True, help="a definition and its new name"
    )
    arg_parser.add_argument(
        "--home", metavar="MODULE", action="append", help="a module by which an overlay imports from the skeleton"
    )


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return DefinitionRenamer(dict(arguments["rename"]), arguments["home"])


__getattr__ = lazy_command(
    __name__,
    "RenameDefinitions",
    "Rename fixtures, tests, functions, constants and classes of a skeleton wherever a module uses them.",
    _transformer,
    _add_arguments,
)
