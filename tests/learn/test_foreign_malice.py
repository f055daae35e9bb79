"""Files made to do harm are refused in one line, and nothing of them runs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motrix_core.errors import CheckpointError
from motrix_core.learn.foreign import read_agent
from motrix_core.learn.foreign_jax import read_jax
from motrix_core.learn.foreign_torch import read_torch

torch = pytest.importorskip("torch")
msgpack = pytest.importorskip("msgpack")


class Payload:
    """Pickles into a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


def torch_file(value: Any = None, *, data_pkl: bytes | None = None, parts: dict[str, bytes] | None = None) -> bytes:
    """What torch.save makes of `value`, with `data_pkl` or other parts replaced or added."""
    buffer = io.BytesIO()
    torch.save({"policy": {"log_std": torch.zeros(2)}} if value is None else value, buffer)
    changed = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_STORED) as new:
        contents = {name: old.read(name) for name in old.namelist()}
        if data_pkl is not None:
            contents[next(name for name in contents if name.endswith("data.pkl"))] = data_pkl
        for name, content in (contents | (parts or {})).items():
            new.writestr(name, content)
    return changed.getvalue()


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / ("agent.pt" if data.startswith(b"PK") else "agent.pickle")
    path.write_bytes(data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_agent(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 600
    return message


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What the payloads create."""
    return tmp_path / "it-ran"


def payloads(mark: Path) -> dict[str, tuple[bytes, str]]:
    """Name → a pickle that creates `mark` when Python loads it, and the name that has to be in the refusal."""
    touch = f"touch '{mark}'"
    program = f"open({str(mark)!r}, 'w').close()"
    by_hand = f"cos\nsystem\n(V{touch}\ntR.".encode()
    return {
        **{f"protocol {p}": (pickle.dumps(Payload(os.system, touch), p), "system") for p in range(6)},
        "eval": (pickle.dumps(Payload(eval, program), 4), "builtins.eval"),
        "exec inside": (pickle.dumps({"policy": [Payload(exec, program)]}, 2), "__builtin__.exec"),
        "as a key": (pickle.dumps({Payload(os.open, str(mark), os.O_CREAT): 1}, 4), "posix.open"),
        "text pickle": (by_hand, "os.system"),
        "INST": (f"(V{touch}\nios\nsystem\n.".encode(), "os.system"),
        "OBJ": (f"(cos\nsystem\nV{touch}\no.".encode(), "os.system"),
        "dotted name": (_stack_global("collections", "abc.sys.modules"), "collections.abc.sys.modules"),
        "numpy": (pickle.dumps(np.zeros(3)), "numpy"),
    }


def _stack_global(module: str, name: str) -> bytes:
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + texts + b"\x93."


@pytest.mark.parametrize("kind", ["pickle", "torch"])
@pytest.mark.parametrize("name", list(payloads(Path("unused"))))
def test_a_pickle_that_runs_code_is_refused_by_the_name_that_it_asks_for(
    name: str, kind: str, tmp_path: Path, mark: Path
) -> None:
    data, said = payloads(mark)[name]
    if name not in ("numpy", "dotted name"):
        pickle.loads(data)
        assert mark.exists(), "the payload does nothing, so the test would prove nothing"
        mark.unlink()
    path = written(tmp_path, data if kind == "pickle" else torch_file(data_pkl=data))
    message = refused(path)
    assert said in message
    assert "nothing of it was executed" in message
    assert not mark.exists()


def test_code_behind_harmless_constructors_is_refused(tmp_path: Path, mark: Path) -> None:
    value = collections.OrderedDict(policy=collections.OrderedDict(a=Payload(os.system, f"touch '{mark}'")))
    assert "system" in refused(written(tmp_path, torch_file(value)))
    assert not mark.exists()


def test_what_stands_for_a_name_cannot_be_changed_from_the_file(tmp_path: Path) -> None:
    for name in (b"torch._utils\n_rebuild_tensor_v2", b"torch\nFloatStorage", b"collections\nOrderedDict"):
        program = b"c" + name + b"\n}V__call__\nV1\nsb."
        refused(written(tmp_path, torch_file(data_pkl=program)))
    read_torch(torch_file())


def test_what_stands_for_a_class_cannot_be_called(tmp_path: Path) -> None:
    assert "damaged" in refused(written(tmp_path, torch_file(data_pkl=b"ctorch\nFloatStorage\n(tR.")))


CLAIMS = {
    "a text of 2^60 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"abc.",
    "bytes of 2^40 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
    "4 billion remembered values": b"\x80\x02]r" + struct.pack("<I", 0xFFFFFFF0) + b".",
    "remembered values, as text": b"]p4000000000\n.",
    "a frame of 2^60 bytes": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N.",
    "an extension": b"\x80\x02\x82\x01.",
    "a tuple as deep as the stack, hashed": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",
    "a tuple of moderate depth as a key": b"\x80\x02})" + b"\x85" * 9_000 + b"Ns.",
    "a set": b"\x80\x04(\x91.",
    "nothing": b"",
    "no end": b"\x80\x04}",
    "an empty stack": b"\x80\x04.",
    "a number of 5,000 digits": b"\x80\x02}\x8b" + struct.pack("<i", 3000) + b"\x7f" * 3000 + b"Ns.",
    "no unicode": b"\x80\x04\x8c\x02\xff\xfe.",
}


@pytest.mark.parametrize("kind", ["pickle", "torch"])
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_pickles_that_claim_too_much_or_are_damaged_are_refused(claim: str, kind: str, tmp_path: Path) -> None:
    refused(
        written(
            tmp_path, CLAIMS[claim] if kind == "pickle" or not CLAIMS[claim] else torch_file(data_pkl=CLAIMS[claim])
        )
    )


@pytest.mark.parametrize("name", ["../out", "/out", "archive/../../out", "C:/out", "archive\\..\\out"])
def test_parts_named_as_if_to_be_written_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    assert "elsewhere" in refused(written(tmp_path, torch_file(parts={name: b"x"})))
    assert [entry.name for entry in tmp_path.iterdir()] == ["agent.pt"]


def test_compressed_parts_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}." + b"\0" * (64 << 20))
    assert len(bomb.getvalue()) < 100_000
    assert "compressed" in refused(written(tmp_path, bomb.getvalue()))


def test_a_part_that_claims_to_be_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(torch_file())
    # Sizes in the first entry of the central directory, compressed and not.
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<II", 1 << 30, 1 << 30)
    assert "larger than the whole file" in refused(written(tmp_path, bytes(data)))


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    data = torch_file(parts={"archive/dbtb.pkl": b"x"})
    assert "same name" in refused(written(tmp_path, data.replace(b"dbtb.pkl", b"data.pkl")))


def test_another_zip_archive_is_refused(tmp_path: Path) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", b"<xml/>")
    assert "no data.pkl" in refused(written(tmp_path, other.getvalue()))


def tensor(*, count: int = 4, offset: int = 0, shape: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,)) -> bytes:
    """A pickle of one tensor over the two float32 numbers of `torch_file`, as it claims to be."""
    out = io.BytesIO()

    class Described:
        def __reduce__(self) -> tuple[Any, ...]:
            return torch._utils._rebuild_tensor_v2, (Stored(), offset, shape, stride, False, {})

    class Stored:
        pass

    class Writer(pickle._Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", count) if isinstance(obj, Stored) else None

    Writer(out, 2).dump({"policy": {"a": Described()}})
    return out.getvalue()


def test_a_tensor_as_it_is_described_is_read() -> None:
    array = read_torch(torch_file(data_pkl=tensor(count=2, shape=(2,))))["policy"]["a"]
    np.testing.assert_array_equal(array, np.zeros(2, np.float32))


@pytest.mark.parametrize(
    "claim",
    [
        {"count": 1 << 60, "shape": (1 << 60,)},
        {"count": 3, "shape": (3,)},
        {"count": 2, "shape": (3,)},
        {"count": 2, "shape": (2,), "offset": 1},
        {"count": 2, "shape": (2,), "stride": (2,)},
        {"count": 2, "shape": (2,), "offset": -1},
        {"count": 2, "shape": (2,), "stride": (-1,)},
        {"count": 2, "shape": (2,) * 6, "stride": (0,) * 6},
        {"count": 2, "shape": (2, 2), "stride": (1,)},
        {"count": 2, "shape": (1,) * 60, "stride": (0,) * 60},
        {"count": -1, "shape": (1,)},
    ],
)
def test_tensors_that_claim_numbers_outside_of_the_file_are_refused(claim: dict[str, Any], tmp_path: Path) -> None:
    refused(written(tmp_path, torch_file(data_pkl=tensor(**claim))))


def test_one_tensor_named_many_thousand_times_is_refused() -> None:
    row = torch.zeros(50_000)
    with pytest.raises(CheckpointError, match="more numbers than the file has"):
        read_torch(torch_file({str(index): row for index in range(3_000)}))


def test_dicts_within_dicts_that_multiply_are_refused() -> None:
    inner: dict[str, Any] = {}
    for _ in range(4):
        inner = {str(index): inner for index in range(100)}
    with pytest.raises(CheckpointError, match="more values"):
        read_torch(torch_file(inner))


def packed(shape: Any, dtype: Any, numbers: bytes, code: int = 1) -> bytes:
    array = msgpack.ExtType(code, msgpack.packb((shape, dtype, numbers), use_bin_type=True))
    return pickle.dumps({"policy": msgpack.packb({"params": array})})


def test_an_array_as_it_is_described_is_read() -> None:
    array = read_jax(packed((1, 2), "float32", b"\0" * 8))["policy"]["params"]
    assert array.shape == (1, 2) and array.dtype == np.float32


@pytest.mark.parametrize(
    "data",
    [
        packed((1 << 40,), "float32", b"\0" * 8),
        packed((0, 1 << 40), "float32", b""),
        packed((3,), "float32", b"\0" * 8),
        packed((-2,), "float32", b"\0" * 8),
        packed(2, "float32", b"\0" * 8),
        packed((1,), "O", b"\0" * 8),
        packed((1,), "complex64", b"\0" * 8),
        packed((2,), "float32", b"\0" * 8, code=42),
        pickle.dumps({"policy": b"\xc9\xff\xff\xff\xff\x01"}),
        pickle.dumps({"policy": b"\x91" * 100_000}),
        pickle.dumps({"policy": b""}),
        pickle.dumps({(1, 2): b"\x80"}),
        pickle.dumps({str(index): b"\x80" for index in range(1000)}),
    ],
)
def test_flax_states_that_claim_too_much_or_are_damaged_are_refused(data: bytes, tmp_path: Path) -> None:
    refused(written(tmp_path, data))


WHOLE = torch_file({"policy": {"net.0.weight": torch.ones(2, 3), "log_std": torch.zeros(2)}, "value": {}})
PICKLED = packed((1, 2), "float32", b"\0" * 8)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_happened_to_the_bytes_only_a_checkpoint_error_comes_of_it(data: st.DataObject) -> None:
    whole, read = data.draw(st.sampled_from([(WHOLE, read_torch), (PICKLED, read_jax)]))
    changed = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4)) if changed else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(changed))
    except CheckpointError as error:
        assert error.message


def test_a_link_is_followed_but_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "link.pt").symlink_to(tmp_path / "pipe.pt")
    for name in ("pipe.pt", "link.pt"):
        with pytest.raises(CheckpointError, match="not a regular file"):
            read_agent(tmp_path / name)
