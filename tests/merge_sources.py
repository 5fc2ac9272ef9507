"""Random test modules and random hand edits of them, as three sides of a merge.

Names, numbers and lines come from small pools, so that the two sides meet often: in one item, in one line, side by
side, or in what one uses and the other takes away.
"""

from __future__ import annotations

import copy
import random
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

NAMES = ("alpha", "beta", "gamma", "delta", "omega")
IMPORTED = ("Config", "Model", "Processor", "Tokenizer", "load")
MODULES = ("engine", "engine.parts", "tools")
DECORATORS = ("@slow", "@pytest.mark.skip(reason='flaky')", "@pytest.mark.parametrize('size', [1, 2])")
COMMENTS = ("# Sizes are powers of two.", "# See the manual.", "# TODO: try more", "# ----")
LEADS = ("", "\n", "\n\n")


@dataclass
class Node:
    """A statement: the lines above it, its decorators, its head line, what it holds, and what closes it."""

    name: str
    lead: str
    head: str
    decorators: list[str] = field(default_factory=list)
    body: list[Node] = field(default_factory=list)
    close: str = ""
    indent: str = "    "

    @property
    def text(self) -> str:
        """Its source."""
        lines = [self.lead, *(f"{decorator}\n" for decorator in self.decorators), self.head]
        inner = "".join(node.text for node in self.body)
        return "".join(lines) + textwrap.indent(inner, self.indent) + self.close


def line(pick: random.Random) -> Node:
    """A statement of a body."""
    name, number = pick.choice(NAMES), pick.randrange(4)
    kind = pick.randrange(8)
    if kind == 0:
        return call(pick, f"check_{name}(", "")
    if kind == 1:
        return Node(name, "", f"if {name} > {number}:\n", body=[simple(pick)])
    if kind == 2:
        return Node(name, "", f"with context({number}):\n", body=[simple(pick), simple(pick)])
    if kind == 3:
        return Node(name, pick.choice(("", "\n")) + f"{pick.choice(COMMENTS)}\n", simple(pick).head)
    return simple(pick)


def simple(pick: random.Random) -> Node:
    """A statement of one line."""
    name, other, number = pick.choice(NAMES), pick.choice(NAMES), pick.randrange(4)
    return Node(
        name,
        "",
        pick.choice(
            (
                f"{name} = {other}({number})\n",
                f"assert {name} == {number}\n",
                f"{name} = Config(size={number}, width={pick.randrange(4)})\n",
                f"assert {pick.choice(IMPORTED)}.{other}\n",
                f"{name} = '''one\n  {number}\n'''\n",
            )
        ),
    )


def call(pick: random.Random, start: str, lead: str) -> Node:
    """A call or a table with an element on each line."""
    close = {"(": ")", "[": "]", "{": "}"}[start[-1]]
    node = Node(start, lead, f"{start}\n", close=f"{close}\n")
    names = pick.sample(NAMES, pick.randrange(1, 4))
    node.body = [element(pick, start[-1], name) for name in names]
    return node


def element(pick: random.Random, opening: str, name: str) -> Node:
    """A line between brackets."""
    number = pick.randrange(4)
    text = {"(": f"{name}={number},\n", "[": f'"{name}_{number}",\n', "{": f'"{name}": {number},\n'}[opening]
    return Node(name, "", text)


def function(pick: random.Random, *, method: bool) -> Node:
    """A test, a helper or a fixture."""
    name = pick.choice(NAMES)
    kind = pick.randrange(3)
    arguments = ["self"] * method + pick.sample(NAMES, pick.randrange(3))
    head = f"def {'test_' if kind == 0 else ''}{name}({', '.join(arguments)}):\n"
    decorators = ["@pytest.fixture"] if kind == 1 else pick.sample(DECORATORS, pick.choice((0, 0, 1, 2)))
    body = [line(pick) for _ in range(pick.randrange(1, 5))]
    if pick.random() < 0.3:
        body.insert(0, Node("", "", f'"""Shows {pick.choice(NAMES)}."""\n'))
    return Node(name, pick.choice(LEADS[1:]), head, decorators, body)


def group(pick: random.Random) -> Node:
    """A class of tests."""
    name = pick.choice(NAMES).title()
    body = [member(pick) for _ in range(pick.randrange(1, 5))]
    return Node(name, "\n\n", f"class Test{name}:\n", body=body)


def member(pick: random.Random) -> Node:
    """What stands in a class."""
    return simple(pick) if pick.random() < 0.2 else function(pick, method=True)


def imported(pick: random.Random) -> Node:
    """An import."""
    if pick.random() < 0.3:
        return Node("import", "", f"import {pick.choice(('os', 'pytest', 'torch', 'engine.parts'))}\n")
    names = sorted(pick.sample(IMPORTED, pick.randrange(1, 4)))
    module = pick.choice(MODULES)
    if pick.random() < 0.3:
        body = [Node(name, "", f"{name},\n") for name in names]
        return Node("from", "", f"from {module} import (\n", body=body, close=")\n")
    return Node("from", "", f"from {module} import {', '.join(names)}\n")


def statement(pick: random.Random) -> Node:
    """What stands in a module, imports apart."""
    kind = pick.randrange(8)
    if kind < 3:
        return function(pick, method=False)
    if kind < 5:
        return group(pick)
    if kind == 5:
        return call(pick, f"{pick.choice(NAMES).upper()} = {pick.choice('[{')}", pick.choice(LEADS))
    if kind == 6:
        comment = pick.choice(("", f"{pick.choice(COMMENTS)}\n"))
        return Node("", pick.choice(LEADS) + comment, f"{pick.choice(NAMES).upper()} = {pick.randrange(4)}\n")
    return line(pick)


def module(pick: random.Random, size: int) -> Node:
    """A module without an indent."""
    body = [imported(pick) for _ in range(pick.randrange(4))]
    body += [statement(pick) for _ in range(size)]
    if pick.random() < 0.3:
        body.insert(0, Node("", "", '"""What is tested here."""\n'))
    return Node("", "", "", body=body, close=pick.choice(("", "", "\n# The end.\n")), indent="")


def places(node: Node) -> list[Node]:
    """Everything that holds something."""
    return [node, *(place for inner in node.body if inner.body for place in places(inner))]


def edit(root: Node, pick: random.Random) -> None:
    """One hand edit; what does not parse afterwards is undone by ``edited``."""
    holder = pick.choice(places(root))
    edits: tuple[Callable[[], None], ...] = (
        lambda: holder.body.insert(pick.randrange(len(holder.body) + 1), fitting(root, holder, pick)),
        lambda: holder.body.insert(len(holder.body), fitting(root, holder, pick)),
        lambda: delete(holder, pick),
        lambda: move(holder, pick),
        lambda: replace(root, holder, pick),
        lambda: retune(holder, pick),
        lambda: change_lead(holder, pick),
        lambda: change_decorators(holder, pick),
        lambda: rename(root, pick),
    )
    pick.choice(edits if holder.body else edits[:1])()


def fitting(root: Node, holder: Node, pick: random.Random) -> Node:
    """Something new that can stand in the holder."""
    if holder is root:
        return imported(pick) if pick.random() < 0.3 else statement(pick)
    if holder.close:
        opening = holder.head.rstrip()[-1]
        if holder.head.startswith("from"):
            name = pick.choice(IMPORTED)
            return Node(name, "", f"{name},\n")
        return element(pick, opening, pick.choice(NAMES))
    return member(pick) if holder.head.startswith("class") else line(pick)


def delete(holder: Node, pick: random.Random) -> None:
    """Take something away."""
    del holder.body[pick.randrange(len(holder.body))]


def move(holder: Node, pick: random.Random) -> None:
    """Put something elsewhere among its siblings."""
    node = holder.body.pop(pick.randrange(len(holder.body)))
    holder.body.insert(pick.randrange(len(holder.body) + 1), node)


def replace(root: Node, holder: Node, pick: random.Random) -> None:
    """Put something new in the place of something."""
    holder.body[pick.randrange(len(holder.body))] = fitting(root, holder, pick)


def retune(holder: Node, pick: random.Random) -> None:
    """Change a number in a line."""
    node = pick.choice(holder.body)
    node.head = node.head.replace(str(pick.randrange(4)), str(pick.randrange(10)))


def change_lead(holder: Node, pick: random.Random) -> None:
    """Change the blank lines and comments above something."""
    pick.choice(holder.body).lead = pick.choice(LEADS) + pick.choice(("", f"{pick.choice(COMMENTS)}\n"))


def change_decorators(holder: Node, pick: random.Random) -> None:
    """Add or take a decorator."""
    node = pick.choice(holder.body)
    if node.head.startswith(("def", "class")):
        if node.decorators and pick.random() < 0.4:
            del node.decorators[pick.randrange(len(node.decorators))]
        else:
            node.decorators.insert(pick.randrange(len(node.decorators) + 1), pick.choice(DECORATORS))


def rename(root: Node, pick: random.Random) -> None:
    """Give a name another spelling wherever it stands."""
    old, new = pick.choice(NAMES), pick.choice((*NAMES, "sigma"))

    def visit(node: Node) -> None:
        node.head = node.head.replace(old, new)
        for inner in node.body:
            visit(inner)

    visit(root)


def parses(source: str) -> bool:
    """Whether the source compiles."""
    try:
        compile(source, "module", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def edited(root: Node, pick: random.Random, count: int) -> Node:
    """A copy with so many edits, those left out that would not parse."""
    for _ in range(count):
        new = copy.deepcopy(root)
        edit(new, pick)
        root = new if parses(new.text) else root
    return root


Sides = tuple[str, str, str]


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    """Base, ours and theirs, all of which compile; some without a last line end.

    The content comes from a seed, since hypothesis varies a seed more than the draws of its own; the sizes shrink.
    """
    pick = random.Random(draw(st.integers(0, 2**32)))
    size, *edits = draw(st.tuples(st.integers(1, 8), st.integers(0, 8), st.integers(0, 8)))
    root = module(pick, size)
    while not parses(root.text):
        root = module(pick, size)
    texts = [root.text, *(edited(root, pick, count).text for count in edits)]
    if pick.random() < 0.1:
        texts = [text.rstrip("\n") if pick.random() < 0.5 else text for text in texts]
    return texts[0], texts[1], texts[2]
