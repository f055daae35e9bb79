"""Pickles of others, read without executing anything from them.

A pickle is a program. Two things make it harmless here: names are looked up in a short list of our own inert
constructors and nowhere else, and the program is looked through before it runs, because some of its instructions
reserve as much memory as they like (https://docs.python.org/3/library/pickle.html#restricting-globals).
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from motrix_core.errors import CheckpointError
from motrix_core.runs.text import plain

Globals = Mapping[tuple[str, str], Any]
"""(module, name) → what stands for it. BUILD must not be able to change it: see `Inert`."""

_MAX_OPCODES = 100_000
_MAX_TUPLES = 10_000
"""Python hashes nested tuples by recursion in C, which nothing stops before the stack ends."""

_FORBIDDEN = ("EXT", "FROZENSET", "EMPTY_SET", "NEXT_BUFFER", "READONLY_BUFFER", "OBJ", "INST", "NEWOBJ")


class Inert:
    """Base of what stands for a name in a pickle: has no state and takes none."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise CheckpointError("the file changes a class or function, which no agent does")


def read_pickle(data: bytes, allowed: Globals, persistent: Callable[[Any], Any] | None = None) -> Any:
    """The value that the pickle `data` describes, made of plain Python values and what `allowed` makes.

    `persistent` resolves persistent ids; without it there may be none.

    Raises:
        CheckpointError: a name outside of `allowed` is wanted, which the message names; or `data` is damaged, cut
            off, or claims more than it holds. It does not name the file.
    """
    _look_through(data, allowed)
    try:
        return _Reader(data, allowed, persistent).load()
    except CheckpointError:
        raise
    except Exception as error:
        # A pickle that is wrong raises whatever the operation that it is wrong about raises.
        raise _damaged(error) from error


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Globals, persistent: Callable[[Any], Any] | None) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed, self._persistent = allowed, persistent

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise _forbidden(f"{module}.{name}")
        return self._allowed[module, name]

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise CheckpointError("it refers to data outside of itself")
        return self._persistent(pid)


def _look_through(data: bytes, allowed: Globals) -> None:
    """Raise CheckpointError for an instruction that no agent's file has, or that claims more than there is."""
    count = tuples = 0
    try:
        # Also fails for a string that is said to be longer than what is left.
        for opcode, argument, _ in pickletools.genops(data):
            count += 1
            tuples += opcode.name.startswith("TUPLE")
            if opcode.name in ("GLOBAL", "INST") and tuple(str(argument).split(" ", 1)) not in allowed:
                raise _forbidden(str(argument).replace(" ", "."))
            if opcode.name.startswith(_FORBIDDEN):
                raise CheckpointError(f"it uses pickle's {opcode.name}, which no agent's file does")
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument) > _MAX_OPCODES:
                raise CheckpointError(f"it claims {argument} remembered values")
            if count > _MAX_OPCODES or tuples > _MAX_TUPLES:
                raise CheckpointError("it describes far more values than an agent has")
    except CheckpointError:
        raise
    except Exception as error:
        # genops raises ValueError for most damage, but not for all.
        raise _damaged(error) from error


def check_keys(value: Mapping[Any, Any]) -> None:
    """Raise CheckpointError for a key that is neither text nor a small number: what else there is cannot be shown."""
    for key in value:
        if not isinstance(key, str) and not (type(key) is int and 0 <= key <= _MAX_OPCODES):
            raise CheckpointError(f"it holds a dict with a {type(key).__name__} as a key, which no agent's file does")


def _forbidden(name: str) -> CheckpointError:
    shown = plain(name, limit=120)
    return CheckpointError(
        f"it asks for {shown}, which is not among the few harmless names that an agent's file needs; nothing of it "
        "was executed",
        mend="do not open it with other programs either, unless you know where it is from",
    )


def _damaged(error: Exception) -> CheckpointError:
    return CheckpointError(f"it is damaged or cut off ({type(error).__name__}: {plain(error, limit=120)})")
