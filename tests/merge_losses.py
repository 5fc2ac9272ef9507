"""The lines that a side of a merge added and that its result lacks."""

from __future__ import annotations

import ast
import copy
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from io import BytesIO

from merge_extraction import parsed

# Where Python ends a line, and str.splitlines is not alone to do so.
LINE_END = re.compile(r"\r\n|\r|\n")
MARKED = re.compile(
    r"^<<<<<<<[^\n]*\n(?P<ours>.*?)(?:^\|\|\|\|\|\|\|[^\n]*\n.*?)?^=======\n(?P<theirs>.*?)^>>>>>>>[^\n]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
Binding = tuple[int, str, str, str]


def lost_lines(base: str, sides: Sequence[str], output: str) -> tuple[list[str], list[str]]:
    """The lines that a side added and that the output lacks: those whose content is gone, and those only regrouped.

    A line is regrouped if it belongs to an import whose new bindings, or to a statement with calls whose new arguments,
    are all in the output, and its comment too. Indentation and empty lines do not count. In an output with conflicts,
    both sides of the markers are looked at.
    """
    lost: set[str] = set()
    regrouped: set[str] = set()
    before = Content(base)
    contents = [Content(view) for view in views(output)]
    for side in map(Content, sides):
        for line in side.counts - before.counts - line_counts(output):
            kept = any(is_regrouped(line, side, before, content) for content in contents)
            (regrouped if kept else lost).add(line)
    return sorted(lost), sorted(regrouped - lost)


def views(text: str) -> list[str]:
    """A text with conflict markers as either side would have it, and one without as it is."""
    # Markers end as git ends them, also in a file of other line ends.
    text = text.replace("\r\n", "\n")
    if not MARKED.search(text):
        return [text]
    return [MARKED.sub(lambda found, side=side: found[side], text) for side in ("ours", "theirs")]  # type: ignore[misc]


def line_counts(text: str) -> Counter[str]:
    """Each line without its indentation, and how often it is there."""
    return Counter(line.strip() for line in LINE_END.split(text) if line.strip())


class Content:
    """What a text holds, beneath its layout; nothing, if it doesn't parse."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def counts(self) -> Counter[str]:
        """Each line, and how often it is there."""
        return line_counts(self.text)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return parsed(self.text) or ast.Module(body=[], type_ignores=[])

    @cached_property
    def units(self) -> list[tuple[range, ast.AST]]:
        """Each decorator, simple statement and head of a compound statement, and its lines."""
        return [unit for node in ast.walk(self.tree) if isinstance(node, ast.stmt) for unit in units_of(node)]

    @cached_property
    def dumps(self) -> Counter[str]:
        """Each unit's code, and how often it is there."""
        return Counter(ast.dump(node) for _, node in self.units)

    @cached_property
    def bindings(self) -> Counter[Binding]:
        """Each import of a name, and how often it is there."""
        return Counter(binding for node in ast.walk(self.tree) for binding in bindings_of(node))

    @cached_property
    def arguments(self) -> dict[str, set[str]]:
        """The arguments that each function is ever called with."""
        found: dict[str, set[str]] = defaultdict(set)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                found[ast.dump(node.func)].update(map(ast.dump, [*node.args, *node.keywords]))
        return found

    @cached_property
    def comments(self) -> dict[int, str]:
        """The comment of each line that has one."""
        # What parses has tokens, and an empty tree is asked for none.
        lines = BytesIO(self.text.encode() if self.tree.body else b"").readline
        return {token.start[0]: token.string for token in tokenize.tokenize(lines) if token.type == tokenize.COMMENT}

    def smallest(self, number: int) -> list[ast.AST]:
        """The units with the fewest lines around a line."""
        around = [(len(lines), node) for lines, node in self.units if number in lines]
        return [node for size, node in around if size == min(size for size, _ in around)]


def units_of(node: ast.stmt) -> Iterator[tuple[range, ast.AST]]:
    """The decorators of a statement, and itself without them and without the statements inside it."""
    head = copy.copy(node)
    last = node.end_lineno or node.lineno
    for name, value in ast.iter_fields(node):
        inner = (
            [item for item in value if isinstance(item, (ast.stmt, ast.ExceptHandler, ast.match_case))]
            if isinstance(value, list)
            else []
        )
        for item in inner:
            first = item.pattern.lineno if isinstance(item, ast.match_case) else item.lineno
            last = min(last, max(node.lineno, first - 1))
        if inner or name == "decorator_list":
            setattr(head, name, [])
    for decorator in getattr(node, "decorator_list", []):
        yield range(decorator.lineno, decorator.end_lineno + 1), decorator
    yield range(node.lineno, last + 1), head


def bindings_of(node: ast.AST) -> list[Binding]:
    """The names that an import brings, nothing for other nodes."""
    if isinstance(node, ast.Import):
        return [(0, "", alias.name, alias.asname or "") for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.level, node.module or "", alias.name, alias.asname or "") for alias in node.names]
    return []


def is_regrouped(line: str, side: Content, base: Content, output: Content) -> bool:
    """Whether all that a side's line says is in the output, on other lines."""
    units: list[ast.AST] = []
    for number, text in enumerate(LINE_END.split(side.text), 1):
        if text.strip() == line:
            around = side.smallest(number)
            if not around or side.comments.get(number, "") not in {"", *output.comments.values()}:
                return False
            units += around
    # A line such as a lone bracket also stands where the side changed nothing.
    changed = [unit for unit in units if ast.dump(unit) not in base.dumps]
    return all(is_kept(unit, side, base, output) for unit in changed or units)


def is_kept(unit: ast.AST, side: Content, base: Content, output: Content) -> bool:
    """Whether an import's new bindings or a statement's new arguments are in the output, as often as in the side."""
    bindings = bindings_of(unit)
    if bindings:
        new = [binding for binding in bindings if side.bindings[binding] > base.bindings[binding]]
        return all(output.bindings[binding] >= side.bindings[binding] for binding in new)
    if not any(isinstance(node, ast.Call) for node in ast.walk(unit)):
        return False
    found = sum(covers(other, unit, base.arguments) for _, other in output.units)
    return found >= side.dumps[ast.dump(unit)]


def covers(new: object, old: object, known: Mapping[str, Collection[str]]) -> bool:
    """Whether `new` is `old`, its calls having more arguments, or lacking some `known` to the base."""
    if type(new) is not type(old):
        return False
    if isinstance(new, ast.Call) and isinstance(old, ast.Call):
        unchanged = known.get(ast.dump(old.func), ())
        given = set(map(ast.dump, new.args))
        needed = [node for node in old.args if ast.dump(node) in given or ast.dump(node) not in unchanged]
        left = iter(new.args)
        keywords = [node for node in old.keywords if ast.dump(node) not in unchanged]
        return (
            covers(new.func, old.func, known)
            and all(any(covers(other, node, known) for other in left) for node in needed)
            and all(any(covers(other, node, known) for other in new.keywords) for node in keywords)
        )
    if isinstance(old, ast.AST):
        return all(covers(getattr(new, name, None), getattr(old, name, None), known) for name in old._fields)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(covers(one, other, known) for one, other in zip(new, old, strict=True))
    return new == old
