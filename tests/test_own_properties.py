"""Own values in modules made at random: ours stays, whatever the skeleton makes of them and of what is beside them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from hfcodemod.merge import merge
from hfcodemod.own import settled, started, unfilled

MARK = "# hfcodemod: own"
ROLES = {"mark": ("", "@mark.{}({})"), "argument": ("        ", "{}={},"), "local": ("    ", "{}: int = {}")}


@dataclass(frozen=True)
class Part:
    """A name with a value, somewhere in a module; or a decorator, whose value is its argument."""

    name: str
    value: str
    own: bool
    comment: str
    role: str
    """What it is in a test."""

    def lines(self, indent: str, form: str) -> str:
        """The part as lines; ``form`` has a place for the name and one for the value."""
        mark = f"  {MARK}" if self.own else ""
        above = f"{indent}# {self.comment}\n" if self.comment else ""
        return above + indent + form.format(self.name, self.value.replace("\n", f"\n{indent}")) + mark + "\n"


@dataclass(frozen=True)
class Unit:
    """Some constants, a table or a test, and the parts in it."""

    kind: str
    name: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        if self.kind == "constant":
            return "".join(part.lines("", "{} = {}") for part in self.parts)
        if self.kind == "table":
            entries = "".join(part.lines("    ", "{!r}: {},") for part in self.parts)
            return f"{self.name} = {{\n{entries}}}\n"
        roles = {
            role: "".join(part.lines(indent, form) for part in self.parts if part.role == role)
            for role, (indent, form) in ROLES.items()
        }
        check = f"    check(\n        x,\n{roles['argument']}    )\n"
        return f"\n{roles['mark']}def {self.name}(x):\n{check}{roles['local']}    return x\n\n"


Module = tuple[Unit, ...]
VALUES = st.sampled_from(["1", "2", "30", "-4.5", "'#'", "[\n    1,\n    2,\n]", "f(a, b={'c': 1})", "None", '"ü"'])
COMMENTS = st.sampled_from(["", "", "On a T4.", "Why."])
PLACES = {
    "constant": [("A{}", "local")],
    "table": [("a", "local"), ("b", "local"), ("c", "local")],
    "test_": [("p", "mark"), ("q", "mark"), ("r", "argument"), ("s", "argument"), ("t", "local"), ("u", "local")],
}


@st.composite
def skeletons(draw: st.DrawFn) -> Module:
    """A skeleton."""
    kinds = draw(st.lists(st.sampled_from(list(PLACES)), min_size=1, max_size=5))
    return tuple(
        Unit(
            kind,
            f"{kind}{i}",
            tuple(
                Part(name.format(i), draw(VALUES), draw(st.booleans()), draw(COMMENTS), role)
                for name, role in PLACES[kind]
            ),
        )
        for i, kind in enumerate(kinds)
    )


def written(module: Module) -> str:
    """The text of a module."""
    return "".join(map(str, module)) + "END = 0\n"


def changed(draw: st.DrawFn, module: Module) -> Module:
    """The module with other values and comments."""

    def new(part: Part) -> Part:
        return replace(part, value=draw(VALUES), comment=draw(COMMENTS)) if draw(st.booleans()) else part

    return tuple(replace(unit, parts=tuple(map(new, unit.parts))) for unit in module)


def owned(draw: st.DrawFn, module: Module) -> Module:
    """The module with own parts that are changed, deleted and added."""
    made = []
    for unit, other in zip(module, changed(draw, module), strict=True):
        pairs = [new if old.own else old for old, new in zip(unit.parts, other.parts, strict=True)]
        parts = [part for part in pairs if not part.own or draw(st.integers(0, 3))]
        if draw(st.booleans()):
            added = Part(f"own_{unit.name}", draw(VALUES), True, draw(COMMENTS), draw(st.sampled_from(list(ROLES))))
            parts.insert(draw(st.integers(0, len(parts))), added)
        made.append(replace(unit, parts=tuple(parts)))
    return tuple(made)


@st.composite
def sides(draw: st.DrawFn) -> tuple[Module, Module, Module]:
    """A skeleton, a module in which own values were set, and a skeleton in which anything was."""
    base = draw(skeletons())
    theirs = list(changed(draw, base))
    for i in range(draw(st.integers(0, 2))):
        part = Part(f"NEW{i}", draw(VALUES), draw(st.booleans()), "", "local")
        theirs.insert(draw(st.integers(0, len(theirs))), Unit("constant", part.name, (part,)))
    return base, owned(draw, base), tuple(theirs)


def facts(source: str) -> dict[str, str]:
    """The value of each part of a module, as it is written."""
    found: dict[str, ast.expr] = {}
    for outer in ast.parse(source).body:
        name = outer.name if isinstance(outer, ast.FunctionDef) else ""
        for node in ast.walk(outer):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Dict(keys=keys, values=values)):
                    for key, value in zip(keys, values, strict=True):
                        assert isinstance(key, ast.Constant)
                        found[f"{target}.{key.value!s}"] = value
                case ast.Assign(targets=[ast.Name(id=target)]):
                    found[target] = node.value
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                    found[f"{name}.{target}"] = value
                case ast.Call(func=ast.Name(id="check"), keywords=keywords):
                    found.update((f"{name}.{keyword.arg}", keyword.value) for keyword in keywords)
                case ast.Call(func=ast.Attribute(attr=mark), args=[value]):
                    found[f"{name}.{mark}"] = value
    return {path: ast.get_source_segment(source, value) or "" for path, value in found.items()}


def own_paths(*modules: Module) -> set[str]:
    """Where the own parts of some modules are, as `facts` names them."""
    return {path(unit, part) for module in modules for unit in module for part in unit.parts if part.own}


def path(unit: Unit, part: Part) -> str:
    """What `facts` calls a part."""
    return part.name if unit.kind == "constant" else f"{unit.name}.{part.name}"


@given(sides())
def test_ours_stays_and_the_rest_arrives(modules: tuple[Module, Module, Module]) -> None:
    base, ours, theirs = map(written, modules)
    base = started(base)
    old, new = settled(base, ours, theirs)
    assert settled(old, ours, new) == (old, new)
    own = own_paths(*modules[:2])
    before, here, there = facts(base), facts(ours), facts(started(theirs))
    mine = {name: here[name] for name in own & here.keys()}
    expected = {name: there[name] for name in there.keys() - own} | mine
    assert facts(new) == expected
    assert facts(old) == {name: before[name] for name in before.keys() - own} | mine
    merged = merge(old, ours, new, by_name=True)
    assert merged.conflicts == ()
    assert facts(merged.source) == expected


@given(skeletons())
def test_a_start_is_made_once(module: Module) -> None:
    source = written(module)
    once = started(source)
    assert started(once) == once
    marks = {path(unit, part) for unit in module for part in unit.parts if unit.kind == "test_" and part.role == "mark"}
    own = own_paths(module) - marks
    assert facts(once) == {name: "..." if name in own else value for name, value in facts(source).items()}
    assert len(unfilled(once)) == len(own)


@given(st.lists(skeletons(), min_size=3, max_size=3))
def test_without_marks_nothing_changes(modules: list[Module]) -> None:
    base, ours, theirs = (written(module).replace(MARK, "# hfcodemod: keep") for module in modules)
    assert settled(base, ours, theirs) == (base, theirs)
    quoted = f'X = "{MARK}"\n'
    assert settled(base + quoted, ours + quoted, theirs + quoted) == (base + quoted, theirs + quoted)
    assert started(base + quoted) == base + quoted


@given(sides(), skeletons())
def test_whatever_the_sides_are_they_parse(modules: tuple[Module, Module, Module], other: Module) -> None:
    base, ours, theirs = map(written, modules)
    for sources in ((base, ours, theirs), (theirs, base, ours), (ours, written(other), theirs), (ours, theirs, ours)):
        for side in settled(*sources):
            ast.parse(side)
