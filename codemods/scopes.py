"""Which names a scope binds, read by `ast`; shared by the codemods that must tell one name from another like it."""

from __future__ import annotations

import ast
import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Bindings:
    """What the names of one scope are: bound in it, by an import or otherwise, or declared to be another scope's."""

    bound: set[str] = field(default_factory=set)
    imported: dict[str, set[str]] = field(default_factory=dict)
    """For each name that an import binds, the modules that it comes from, with the dots of relative ones."""
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)


class Definitions:
    """The functions and classes of a module as `ast` sees them, in the order in which a visitor meets them."""

    def __init__(self, tree: ast.Module, lines: Sequence[int]) -> None:
        nodes = [node for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef)]
        self._nodes = sorted(nodes, key=lambda node: node.lineno)
        self._next = 0
        self._lines = lines

    def met(self) -> Function | ast.ClassDef:
        """The next one."""
        self._next += 1
        return self._nodes[self._next - 1]

    def concerned(self, node: Function | ast.ClassDef) -> bool:
        """Whether one of the lines is in the one just met; if not, a visitor must not visit what is in it."""
        end = node.end_lineno or node.lineno
        at = bisect.bisect_left(self._lines, min([node.lineno, *(item.lineno for item in node.decorator_list)]))
        if at < len(self._lines) and self._lines[at] <= end:
            return True
        self._next += len(list(itertools.takewhile(lambda item: item.lineno <= end, self._nodes[self._next :])))
        return False


def bindings_of(scope: Scope) -> Bindings:
    """What the scope itself binds; functions, classes and comprehensions in it keep their own."""
    found = Bindings()
    if isinstance(scope, Function):
        found.bound |= parameters_of(scope)
    for statement in scope.body:
        _collect(statement, found, targets=True)
    found.bound -= found.declared_global | found.declared_nonlocal
    return found


def parameters_of(function: Function | ast.Lambda) -> set[str]:
    """The names of all parameters."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {argument.arg for argument in every if argument is not None}


def parameter_names(parameters: cst.Parameters) -> Iterator[cst.Name]:
    """The names of all parameters, as they stand in the tree."""
    stars = [item for item in (parameters.star_arg, parameters.star_kwarg) if isinstance(item, cst.Param)]
    for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params, *stars):
        yield parameter.name


def bound_anywhere(node: ast.AST) -> set[str]:
    """Every name that the node or a scope in it binds."""
    found = Bindings()
    for part in ast.walk(node):
        _bind(part, found, targets=True)
        if isinstance(part, Function | ast.Lambda):
            found.bound |= parameters_of(part)
    return found.bound


def _collect(node: ast.AST, found: Bindings, targets: bool) -> None:
    _bind(node, found, targets)
    for child in _in_scope(node):
        # A comprehension's targets are its own, but for what `:=` binds.
        inside = (targets and not isinstance(node, _COMPREHENSIONS)) or isinstance(node, ast.NamedExpr)
        _collect(child, found, inside)


def _in_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The children that are evaluated in the scope of the node."""
    if isinstance(node, Function):
        yield from [*node.decorator_list, *node.args.defaults, *(item for item in node.args.kw_defaults if item)]
    elif isinstance(node, ast.ClassDef):
        yield from [*node.decorator_list, *node.bases, *node.keywords]
    elif not isinstance(node, ast.Lambda):
        yield from ast.iter_child_nodes(node)


def _bind(node: ast.AST, found: Bindings, targets: bool) -> None:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if targets:
            found.bound.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            found.bound.add(name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            found.bound.add(name)
        case ast.MatchMapping(rest=str(name)):
            found.bound.add(name)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                name = alias.asname or alias.name.partition(".")[0]
                module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
                found.bound.add(name)
                found.imported.setdefault(name, set()).add(module)
        case ast.Global(names=names):
            found.declared_global.update(names)
        case ast.Nonlocal(names=names):
            found.declared_nonlocal.update(names)


def bound_by_comprehension(node: cst.CSTNode) -> set[str]:
    """The targets of a comprehension."""
    # A generator that is the only argument of a call has no parentheses of its own.
    tree = ast.parse(f"({cst.Module([]).code_for_node(node)})", mode="eval").body
    generators = tree.generators if isinstance(tree, _COMPREHENSIONS) else []
    targets = [part for generator in generators for part in ast.walk(generator.target)]
    return {part.id for part in targets if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def is_fixture(function: Function) -> bool:
    """Whether a decorator makes the function a fixture of pytest."""
    return any(_last_name(decorator) == "fixture" for decorator in function.decorator_list)


def fixture_names(function: Function) -> set[str]:
    """The names under which tests ask for what the function makes; none for a function that is no fixture."""
    given = {
        keyword.value.value
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and _last_name(decorator) == "fixture"
        for keyword in decorator.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }
    return ({*map(str, given)} or {function.name}) if is_fixture(function) else set()


def parametrized_names(function: Function) -> set[str]:
    """The parameters to which ``parametrize`` gives values itself, rather than by way of a fixture."""
    found: set[str] = set()
    for call in function.decorator_list:
        if not isinstance(call, ast.Call) or _last_name(call) != "parametrize":
            continue
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        names = call.args[0] if call.args else keywords.get("argnames")
        if names is not None and "indirect" not in keywords:
            texts = [part.value for part in ast.walk(names) if isinstance(part, ast.Constant)]
            found |= {name.strip() for text in texts for name in str(text).split(",")}
    return found


def defined_in(tree: ast.Module) -> set[str]:
    """The names that a module gives away: what it defines at the top, its fixtures, what its test classes have."""
    top = bindings_of(tree)
    return (top.bound - top.imported.keys()).union(*members_in(tree).values(), fixtures_in(tree))


def members_in(tree: ast.Module) -> dict[str, set[str]]:
    """What the test classes of a module define, by their names."""
    members: dict[str, set[str]] = {}
    for item in test_classes(tree):
        members.setdefault(item.name, set()).update(bindings_of(item).bound)
    return members


def fixtures_in(tree: ast.Module) -> set[str]:
    """The names under which tests ask for the fixtures of a module."""
    return {name for item in ast.walk(tree) if isinstance(item, Function) for name in fixture_names(item)}


def test_classes(tree: ast.Module) -> list[ast.ClassDef]:
    """The classes of a module that pytest collects, or that such a class inherits from."""
    classes = list(_classes_at(tree))
    known = {item.name for item in classes}
    found = {item.name for item in classes if item.name.startswith("Test") or _has_tests(item)}
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        bases = {base.id for item in classes if item.name == name for base in item.bases if isinstance(base, ast.Name)}
        new = (bases & known) - found
        found |= new
        waiting += new
    return [item for item in classes if item.name in found]


def _classes_at(node: ast.AST) -> Iterator[ast.ClassDef]:
    """The classes in the scope of the node: also those that depend on a condition."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield child
        elif not isinstance(child, Function | ast.expr):
            yield from _classes_at(child)


def _has_tests(item: ast.ClassDef) -> bool:
    return any(isinstance(part, Function) and part.name.startswith("test") for part in item.body)


def _last_name(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
