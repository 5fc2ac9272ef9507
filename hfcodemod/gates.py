"""What the result of a merge must pass: it compiles, defines nothing twice, lost no line, and lacks no name."""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hfcodemod.lines import split_lines, trivial
from hfcodemod.syntax import KEPT, nodes, tree


@dataclass(frozen=True)
class Kept:
    """A part of a result that stands for a part of each side."""

    text: str
    ours: str
    theirs: str


def complaint(base: str, ours: str, theirs: str, source: str, kept: Sequence[Kept] = ()) -> str | None:
    """Why the result of a merge can't be taken, or None where it can."""
    flaw = _flaw(source)
    if flaw is not None and (not _parses(source) or not any(map(_flaw, (base, ours, theirs)))):
        return f"the merge would not compile ({flaw})"
    twice = definitions_twice(source).difference(*map(definitions_twice, (base, ours, theirs)))
    if twice:
        return f"the merge would define {', '.join(sorted(twice))} twice"
    elsewhere = definitions(source).difference(*map(definitions, (base, ours, theirs)))
    if elsewhere:
        return f"the merge would put {', '.join(sorted(elsewhere))} where neither side has it"
    lost = lines_lost(base, ours, theirs, source, kept)
    return f"the merge would lose {next(iter(lost))!r}" if lost else None


@lru_cache(maxsize=KEPT)
def _flaw(source: str) -> str | None:
    """Why a source does not compile; some that parse do not, a ``return`` in a module for one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "merged", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None


def _parses(source: str) -> bool:
    try:
        tree(source)
    except SyntaxError:
        return False
    return True


@lru_cache(maxsize=KEPT)
def definitions(source: str) -> frozenset[str]:
    """The dotted names of all functions and classes."""
    found: set[str] = set()
    waiting: list[tuple[ast.AST, str]] = [(tree(source), "")]
    for node, scope in waiting:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(scope + inner.name)
                waiting.append((inner, f"{scope}{inner.name}."))
            elif not isinstance(inner, ast.expr):
                waiting.append((inner, scope))
    return frozenset(found)


@lru_cache(maxsize=KEPT)
def definitions_twice(source: str) -> frozenset[str]:
    """What is defined, assigned, or imported twice in one body, as dotted names."""
    found: set[str] = set()

    def visit(body: Sequence[ast.stmt], scope: str) -> None:
        names = Counter(name for statement in body for name in _bound_once(statement))
        found.update(f"{scope}{name}" for name, count in names.items() if count > 1)
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                visit(statement.body, f"{scope}{statement.name}.")

    visit(tree(source).body, "")
    return frozenset(found)


def _bound_once(statement: ast.stmt) -> Iterator[str]:
    """What a statement binds that no other should: overloads and the parts of a property are one."""
    match statement:
        case ast.FunctionDef(name=name, decorator_list=parts) | ast.AsyncFunctionDef(name=name, decorator_list=parts):
            if not any(
                word in ast.dump(part) for part in parts for word in ("overload", "setter", "getter", "deleter")
            ):
                yield name
        case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)


def strayed(base: str, ours: str, theirs: str, source: str) -> set[str]:
    """The functions that one side alone changed, and that are not in the result as that side has them.

    Lines that look alike take a change to the wrong place: a decorator to the next test that has the same below it.
    """
    old, left, right, new = map(_functions, (base, ours, theirs, source))
    both = old.keys() & left.keys() & right.keys() & new.keys()
    expected = {name: trivial(old[name], left[name], right[name]) for name in both}
    return {name for name, text in expected.items() if text is not None and new[name].rstrip() != text.rstrip()}


@lru_cache(maxsize=KEPT)
def _functions(source: str) -> dict[str, str]:
    """The text of each function of the module and its classes that has a name of its own there, by dotted name."""
    lines = split_lines(source)
    found: dict[str, str] = {}
    several: set[str] = set()
    waiting: list[tuple[ast.Module | ast.ClassDef, str]] = [(tree(source), "")]
    for body, scope in waiting:
        for node in body.body:
            if isinstance(node, ast.ClassDef):
                waiting.append((node, f"{scope}{node.name}."))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{scope}{node.name}"
                several |= {name} & found.keys()
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found[name] = "".join(lines[first - 1 : node.end_lineno])
    return {name: text for name, text in found.items() if name not in several}


def lines_lost(base: str, ours: str, theirs: str, source: str, kept: Sequence[Kept] = ()) -> list[str]:
    """The lines that a side added and that are neither in the result nor in what parts of it stand for."""
    old, left, right, new = map(_counted, (base, ours, theirs, source))
    mine, other = new.copy(), new.copy()
    for part in kept:
        text = _counted(part.text)
        mine += _counted(part.ours) - text
        other += _counted(part.theirs) - text
    return list((left - old - mine) | (right - old - other))


def _counted(text: str) -> Counter[str]:
    return Counter(line for line in map(str.strip, split_lines(text)) if line)


def names_lost(base: str, ours: str, theirs: str, source: str) -> set[str]:
    """The names and fixtures that a side could resolve and the result cannot."""
    wanted = set(unresolved(source))
    for side in (theirs, ours, base):
        if wanted:
            wanted -= unresolved(side)
    return wanted


@lru_cache(maxsize=KEPT)
def unresolved(source: str) -> frozenset[str]:
    """Names that nothing in the module binds, and fixtures that the module requests and does not define.

    A star import may bind anything: then no name counts. The same in a module that has no scopes since it does not
    compile.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(source, "module", "exec")
    except SyntaxError:
        return frozenset(_fixtures_lacking(source))
    starred = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes(source))
    return frozenset(() if starred else _free_names(table)) | _fixtures_lacking(source)


def _free_names(table: symtable.SymbolTable) -> Iterator[str]:
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    bound.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_namespace())
    bound |= vars(builtins).keys() | {"__file__", "__name__", "__path__", "__doc__", "__class__"}
    tables = [table]
    for inner in tables:
        tables += inner.get_children()
        for symbol in inner.get_symbols():
            if symbol.is_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
    for inner in tables:
        for symbol in inner.get_symbols():
            outside = symbol.is_global() or (inner is table and not symbol.is_assigned())
            if outside and symbol.is_referenced() and symbol.get_name() not in bound:
                yield symbol.get_name()


def _fixtures_lacking(source: str) -> set[str]:
    defined: set[str] = set()
    requested: set[str] = set()
    for node in nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            fixture = any("fixture" in ast.unparse(part) for part in node.decorator_list)
            if fixture:
                defined |= {node.name, *_given_names(node.decorator_list)}
            if fixture or node.name.startswith("test"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                requested |= {argument.arg for argument in arguments} - _parametrized(node)
    return requested - defined - {"self", "cls", "request"}


def _given_names(decorators: Iterable[ast.expr]) -> Iterator[str]:
    """``fixture(name="...")``."""
    for decorator in decorators:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


def _parametrized(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The parameters that ``parametrize`` gives."""
    names: set[str] = set()
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and decorator.args and "parametrize" in ast.unparse(decorator.func):
            for part in ast.walk(decorator.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    names.update(name.strip() for name in part.value.split(","))
    return names


def vanished(base: str, ours: str, theirs: str, source: str) -> set[str]:
    """Identifiers that one side removed wherever they stood, and that lines added by the other use in the result."""
    old, new = _identifiers(base), _identifiers(source)
    left, right = _identifiers(ours), _identifiers(theirs)
    gone_left, gone_right = old - left, old - right
    return {
        name
        for gone, side in ((gone_left & right, theirs), (gone_right & left, ours))
        if gone & new
        for name in gone & new & _words(_counted(side) - _counted(base))
    }


def _words(lines: Iterable[str]) -> set[str]:
    words: set[str] = set()
    for line in lines:
        word = ""
        for letter in line.partition("#")[0] + " ":
            if letter.isalnum() or letter == "_":
                word += letter
            elif word:
                words.add(word)
                word = ""
    return words


@lru_cache(maxsize=KEPT)
def _identifiers(source: str) -> frozenset[str]:
    found: set[str] = set()
    for node in nodes(source):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=asname):
                found.update(name.split("."), [asname] if asname else [])
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
    return frozenset(found)
