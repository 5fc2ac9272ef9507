"""Whether the text of a file parses, told with its line.

Python's own parser goes first: where it refuses to go deeper, LibCST's ends the process.
"""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.errors import UserError


def check_parses(path: Path, text: str) -> None:
    """Raise UserError for a text that does not parse, ``path`` being the file that it stands in."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: does not parse ({error.msg}); mend it") from error
    except (RecursionError, MemoryError) as error:
        raise too_deep(path, text) from error


def too_deep(path: Path, text: str) -> UserError:
    """What to say of a text in which something is nested deeper than it can be worked on."""
    return UserError(f"{path}:{_deep_line(text)}: is nested too deeply; flatten it")


def _deep_line(text: str) -> int:
    """The first line of the statement that is to blame: one that no parser takes, else one that is hard to walk."""
    for dumped in (False, True):
        for line, statement in _logical_lines(text):
            try:
                tree = ast.parse(statement)
                if dumped:
                    ast.dump(tree)
            except (RecursionError, MemoryError):
                return line
            except SyntaxError:
                continue
    return 1


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line of code with those that it goes on in, and its number."""
    lines = text.split("\n")
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            yield first, textwrap.dedent("\n".join(lines[first - 1 : token.end[0]]))
            first = 0
        elif token.string.strip() and token.type != tokenize.COMMENT:
            first = first or token.start[0]
