"""Agents that skrl wrote on JAX, read into NumPy arrays, without JAX and without executing anything from them.

Such a file is a pickle of nothing but text and bytes: module → what `flax.serialization.to_bytes` made of its state.
Those bytes are msgpack with Flax's extension types (https://flax.readthedocs.io/en/latest/api_reference/flax.serialization.html).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from motrix_core.errors import CheckpointError, MissingExtra
from motrix_core.learn.foreign_pickle import check_keys, read_pickle
from motrix_core.runs.text import plain

_ARRAY, _SCALAR = 1, 3
"""Flax's extension codes; 2 is a complex number, which no agent has."""

_MAX_MODULES = 32
_DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool")


def read_jax(data: bytes) -> Any:
    """Module → its state as nested dicts of arrays; modules whose state is no dict are as they are.

    Raises:
        CheckpointError: the file is damaged, or asks for anything by name. It does not name the file.
        MissingExtra: msgpack is not installed.
    """
    value = read_pickle(data, {})
    if not isinstance(value, dict):
        return value
    check_keys(value)
    if len(value) > _MAX_MODULES:
        raise CheckpointError(f"it holds {len(value)} modules, far more than an agent has")
    return {name: _unpacked(entry) if isinstance(entry, bytes) else entry for name, entry in value.items()}


def _unpacked(data: bytes) -> Any:
    try:
        import msgpack
    except ImportError as error:
        raise MissingExtra("msgpack", "skrl-jax") from error

    def extension(code: int, content: bytes) -> Any:
        if code not in (_ARRAY, _SCALAR):
            raise CheckpointError(f"it holds a value of msgpack's extension type {code}, which no agent has")
        # Inside, there must not be another.
        return _array(msgpack.unpackb(content, raw=True, ext_hook=_no_extension))

    try:
        # msgpack itself refuses lengths beyond the data and more than a few hundred levels.
        return msgpack.unpackb(data, ext_hook=extension, raw=False, strict_map_key=True)
    except CheckpointError:
        raise
    except Exception as error:
        # msgpack raises ValueError and several types of its own for damage.
        raise CheckpointError(f"it is damaged or cut off ({plain(error, limit=120)})") from error


def _no_extension(code: int, content: bytes) -> Any:
    raise CheckpointError("it holds an array within an array's numbers")


def _array(described: Any) -> np.ndarray:
    match described:
        case [[*shape], bytes(dtype), bytes(numbers)]:
            pass
        case _:
            raise CheckpointError("it holds an array that is not described by shape, dtype and numbers")
    name = dtype.decode("ascii", "replace")
    if name not in _DTYPES:
        raise CheckpointError(f"it holds an array of dtype {plain(name, limit=40)}, which cannot be converted")
    if len(shape) > 8 or not all(type(size) is int and 0 <= size <= len(numbers) for size in shape):
        raise CheckpointError("it holds an array of impossible shape")
    if math.prod(shape) * np.dtype(name).itemsize != len(numbers):
        raise CheckpointError(f"it says that an array has {math.prod(shape)} numbers, but has {len(numbers)} bytes")
    # Flax writes the machine's own byte order; every machine that runs JAX is little-endian.
    return np.frombuffer(numbers, np.dtype(name).newbyteorder("<")).reshape(shape).astype(name)
