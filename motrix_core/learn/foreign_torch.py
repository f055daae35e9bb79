"""Files of `torch.save`, read into NumPy arrays, without PyTorch and without executing anything from them.

Such a file is a zip archive, not compressed: `<name>/data.pkl` describes the values and refers to the contents of
tensors in `<name>/data/<key>` (https://docs.pytorch.org/docs/stable/notes/serialization.html).
"""

from __future__ import annotations

import io
import zipfile
from typing import Any, NamedTuple

import numpy as np

from motrix_core.errors import CheckpointError
from motrix_core.learn.foreign_pickle import Inert, check_keys, read_pickle
from motrix_core.runs.text import plain

_MAX_ENTRIES = 20_000
_MAX_PICKLE = 16 << 20
_MAX_VALUES = 100_000
_MAX_DEPTH = 4
"""modules → optimizer → state → parameter → moment."""

_DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class _StorageType(Inert):
    """A class of PyTorch's such as torch.FloatStorage; only its dtype is wanted."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str) -> None:
        object.__setattr__(self, "dtype", dtype)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set")


class _Storage(NamedTuple):
    """Numbers in the file: which entry, of what dtype, how many."""

    key: str
    dtype: str
    count: int


class Tensor(NamedTuple):
    """A tensor that has been described, but not read."""

    storage: Any
    offset: Any
    shape: Any
    stride: Any


class _RebuildTensor(Inert):
    """In place of torch._utils._rebuild_tensor_v2."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Tensor:
        return Tensor(storage, offset, shape, stride)


class _RebuildParameter(Inert):
    """In place of torch._utils._rebuild_parameter."""

    __slots__ = ()

    def __call__(self, data: Any, *_: Any) -> Any:
        return data


class _State(dict):
    """In place of collections.OrderedDict, whose attributes (a module's versions) are not wanted."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        pass


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _State,
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    **{("torch", name): _StorageType(dtype) for name, dtype in _DTYPES.items()},
}


def read_torch(data: bytes) -> Any:
    """The value that `torch.save` wrote, with arrays in place of tensors.

    Raises:
        CheckpointError: the file is damaged, is not what torch.save writes, or asks for anything but tensors and
            plain values. It does not name the file.
    """
    archive = _Archive(data)
    value = read_pickle(archive.pickle(), _ALLOWED, _storage)
    return archive.resolved(value)


def _storage(pid: Any) -> _Storage:
    match pid:
        case ("storage", _StorageType() as kind, str(key), str(), int(count)) if count >= 0:
            return _Storage(key, kind.dtype, count)
    raise CheckpointError("it refers to something else than a tensor's numbers")


class _Archive:
    """The zip archive, looked over once, with nothing extracted to the disk."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception as error:
            # zipfile raises several types for the many ways in which an archive can be damaged.
            raise _broken(error) from error
        entries = self._zip.infolist()
        if len(entries) > _MAX_ENTRIES:
            raise CheckpointError(f"it has {len(entries)} parts, far more than an agent has")
        for entry in entries:
            _check_name(entry.filename)
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise CheckpointError(f"its part {_shown(entry)} is compressed, which torch.save never does")
        # With this, no part can be larger than the file, and none can be there many times over.
        if sum(entry.file_size for entry in entries) > len(data):
            raise CheckpointError("its parts claim to be larger than the whole file")
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise CheckpointError("two of its parts have the same name")
        found = [name for name in self._entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise CheckpointError("it is a zip archive, but not one that torch.save wrote: it has no data.pkl")
        self._stem = found[0].removesuffix("data.pkl")
        order = self._read(f"{self._stem}byteorder") if f"{self._stem}byteorder" in self._entries else b"little"
        self._order = ">" if order == b"big" else "<"
        self._storages: dict[_Storage, np.ndarray] = {}
        # A small file can refer to one value any number of times; tensors are rightly shared by two networks at most.
        self._values_left, self._bytes_left = _MAX_VALUES, 4 * len(data)

    def pickle(self) -> bytes:
        data = self._read(f"{self._stem}data.pkl")
        if len(data) > _MAX_PICKLE:
            raise CheckpointError(f"its data.pkl is {len(data)} bytes long, far longer than an agent's")
        return data

    def resolved(self, value: Any, depth: int = 0) -> Any:
        """`value` with arrays for tensors. Deeper than an agent's own structure nothing is looked at."""
        self._values_left -= 1
        if self._values_left < 0:
            raise CheckpointError("it describes far more values than an agent has")
        if isinstance(value, Tensor):
            return self._array(value)
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            check_keys(value)
            return {key: self.resolved(entry, depth + 1) for key, entry in value.items()}
        return value

    def _array(self, tensor: Tensor) -> np.ndarray:
        """A copy of the tensor's numbers, in its shape and the machine's byte order."""
        match tensor:
            case Tensor(_Storage() as storage, int(offset), tuple(shape), tuple(stride)):
                numbers = self._numbers(storage)
            case _:
                raise CheckpointError("it holds a tensor that is not described by numbers")
        sizes = [*shape, *stride, offset]
        whole = all(type(size) is int and 0 <= size <= numbers.size for size in sizes)
        if not whole or len(shape) != len(stride) or len(shape) > 8:
            raise CheckpointError("it holds a tensor of impossible shape")
        if 0 in shape:
            return np.empty(shape, numbers.dtype)
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        count = 1
        for size in shape:
            count *= size
        self._bytes_left -= count * numbers.itemsize
        if last >= numbers.size or count > numbers.size or self._bytes_left < 0:
            raise CheckpointError("it holds a tensor that claims more numbers than the file has")
        strides = [step * numbers.itemsize for step in stride]
        view = np.lib.stride_tricks.as_strided(numbers[offset:], shape, strides, writeable=False)
        return view.astype(view.dtype.newbyteorder("="))

    def _numbers(self, storage: _Storage) -> np.ndarray:
        if storage not in self._storages:
            data = self._read(f"{self._stem}data/{storage.key}")
            dtype = np.dtype(self._order + storage.dtype)
            if len(data) != storage.count * dtype.itemsize:
                raise CheckpointError(
                    f"it says that a tensor has {storage.count} numbers, but there are {len(data)} bytes of them"
                )
            self._storages[storage] = np.frombuffer(data, dtype)
        return self._storages[storage]

    def _read(self, name: str) -> bytes:
        if name not in self._entries:
            raise CheckpointError(f"its part {plain(name, limit=80)} is missing")
        try:
            return self._zip.read(self._entries[name])
        except Exception as error:
            raise _broken(error) from error


def _check_name(name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in name:
        raise CheckpointError(f"its part {plain(name, limit=80)!r} is named as if to be written elsewhere")


def _shown(entry: zipfile.ZipInfo) -> str:
    return plain(entry.filename, limit=80)


def _broken(error: Exception) -> CheckpointError:
    return CheckpointError(f"it is damaged or cut off ({plain(error, limit=120)})")
