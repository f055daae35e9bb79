"""In which line of an MJCF file that stands which an engine complains of without saying where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_HAS_LINE = re.compile(r"\bline\b")
_QUOTED = re.compile(r"""[`'"]([^`'"\\\s]+)\\?[`'"]""")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*["']([^"']*)["']""")
_INCLUDE = re.compile(r"""<include\s[^>]*?file\s*=\s*["']([^"']+)["']""")


def with_line(message: str, path: Path) -> str:
    """`message` of an engine about the model `path`, and where the name that it quotes is used, if it names no line.

    A name is looked for where an attribute uses it, not where it is given (`name=`), in the file and in those that it
    includes. A message whose name is in no line stays as it is.
    """
    if _HAS_LINE.search(message):
        return message
    # Where it quotes nothing, the name comes last: "invalid class legs".
    for name in [*_QUOTED.findall(message), message.rpartition(" ")[2]]:
        for file, line, attribute, value in _uses(path, set()):
            if value and (value == name or (attribute == "file" and name.endswith(f"/{value}"))):
                return f'{message}; {attribute}="{value}" is in line {line} of {file.name}'
    return message


def _uses(path: Path, seen: set[Path]) -> Iterator[tuple[Path, int, str, str]]:
    """File, line, attribute and value of every attribute but `name`, in the order of the text, included files last."""
    if path in seen:
        return
    seen.add(path)
    text = ""
    with suppress(OSError):
        text = path.read_text(errors="replace")
    text = _COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), text)
    for found in _ATTRIBUTE.finditer(text):
        if found[1] != "name":
            yield path, text.count("\n", 0, found.start()) + 1, found[1], found[2]
    for found in _INCLUDE.finditer(text):
        yield from _uses(path.parent / found[1], seen)
