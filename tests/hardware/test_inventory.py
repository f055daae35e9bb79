"""What the inventory says of machines that we cannot have here: other processors, drivers and limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_machines import FakeNvml, NVMLError

from motrix_core.hardware import inventory
from motrix_core.hardware.inventory import PACKAGES, cpu_model, gpu_possible, read_gpus, read_memory
from motrix_core.hardware.limits import MemoryLimit, cpu_quota, memory_limit, usable_cpus


class Kernel:
    """A fake /proc/self and control group tree."""

    def __init__(self, root: Path) -> None:
        self.proc, self.mount = root / "proc", root / "sys fs cgroup"
        self.proc.mkdir()
        self.mount.mkdir()

    def v2(self, group: str, root: str = "/") -> None:
        (self.proc / "cgroup").write_text(f"0::{group}\n")
        where = str(self.mount).replace(" ", "\\040")
        (self.proc / "mountinfo").write_text(
            "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            f"31 24 0:27 {root} {where} rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
        )

    def v1(self, group: str, root: str = "/") -> None:
        (self.proc / "cgroup").write_text(f"9:memory:{group}\n4:cpu,cpuacct:{group}\n1:name=systemd:/\n0::/\n")
        where = str(self.mount).replace(" ", "\\040")
        lines = [
            f"3{number} 31 0:2{number} {root} {where}/{controller} rw,relatime - cgroup cgroup rw,{controller}"
            for number, controller in enumerate(("cpu,cpuacct", "memory"))
        ]
        (self.proc / "mountinfo").write_text("\n".join([*lines, "torn line"]))

    def write(self, name: str, text: str) -> None:
        path = self.mount / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_without_control_groups_nothing_is_limited(tmp_path) -> None:
    assert cpu_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_a_version_2_quota_may_be_a_fraction_of_cpus(kernel) -> None:
    kernel.v2("/job")
    kernel.write("job/cpu.max", "150000 100000")
    assert cpu_quota(kernel.proc) == 1.5


@pytest.mark.parametrize("text", ["max 100000", "", "garbage", "0 100000", "100000 0"])
def test_a_quota_that_limits_nothing_is_none(kernel, text) -> None:
    kernel.v2("/job")
    kernel.write("job/cpu.max", text)
    assert cpu_quota(kernel.proc) is None


def test_the_tightest_group_on_the_way_up_counts(kernel) -> None:
    kernel.v2("/slice/user/job")
    kernel.write("cpu.max", "max 100000")
    kernel.write("slice/cpu.max", "200000 100000")
    kernel.write("slice/user/cpu.max", "max 100000")
    kernel.write("slice/user/job/cpu.max", "400000 100000")
    assert cpu_quota(kernel.proc) == 2


def test_in_a_container_the_group_s_path_is_that_of_the_host(kernel) -> None:
    kernel.v1("/docker/abc/inner", root="/docker/abc")
    kernel.write("cpu,cpuacct/inner/cpu.cfs_quota_us", "50000")
    kernel.write("cpu,cpuacct/inner/cpu.cfs_period_us", "100000")
    assert cpu_quota(kernel.proc) == 0.5


def test_a_group_that_the_mount_does_not_show_is_limited_by_the_mount_s_top(kernel) -> None:
    kernel.v2("/../../elsewhere")
    kernel.write("cpu.max", "300000 100000")
    assert cpu_quota(kernel.proc) == 3


def test_a_group_with_a_similar_name_is_not_taken_for_one_inside(kernel) -> None:
    kernel.v2("/docker/abcdef", root="/docker/abc")
    kernel.write("def/cpu.max", "100000 100000")
    kernel.write("cpu.max", "700000 100000")
    assert cpu_quota(kernel.proc) == 7


def test_version_1_writes_no_quota_as_minus_one(kernel) -> None:
    kernel.v1("/job")
    kernel.write("cpu,cpuacct/job/cpu.cfs_quota_us", "-1")
    kernel.write("cpu,cpuacct/job/cpu.cfs_period_us", "100000")
    assert cpu_quota(kernel.proc) is None


def test_memory_that_can_be_reclaimed_is_not_used(kernel) -> None:
    kernel.v2("/job")
    kernel.write("job/memory.max", str(8 << 30))
    kernel.write("job/memory.current", str(5 << 30))
    kernel.write("job/memory.stat", f"anon 7\ninactive_file {2 << 30}")
    assert memory_limit(kernel.proc) == MemoryLimit(8 << 30, 3 << 30)


def test_version_1_writes_no_memory_limit_as_a_huge_number(kernel) -> None:
    kernel.v1("/job")
    kernel.write("memory/job/memory.limit_in_bytes", "9223372036854771712")
    assert memory_limit(kernel.proc) is None
    kernel.write("memory/memory.limit_in_bytes", str(4 << 30))
    kernel.write("memory/memory.usage_in_bytes", str(1 << 30))
    assert memory_limit(kernel.proc) == MemoryLimit(4 << 30, 1 << 30)


def test_the_group_with_the_least_room_counts(kernel) -> None:
    kernel.v2("/full/job")
    kernel.write("full/memory.max", str(16 << 30))
    kernel.write("full/memory.current", str(15 << 30))
    kernel.write("full/job/memory.max", str(8 << 30))
    kernel.write("full/job/memory.current", "0")
    assert memory_limit(kernel.proc) == MemoryLimit(16 << 30, 15 << 30)


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"),
    [
        (8, None, (8.0, None)),
        (None, None, (8.0, None)),
        (3, None, (3.0, "CPU affinity")),
        (8, "250000 100000", (2.5, "cgroup CPU quota")),
        (2, "250000 100000", (2.0, "CPU affinity")),
        (8, "1600000 100000", (8.0, None)),
    ],
)
def test_the_lower_of_affinity_and_quota_is_usable(kernel, monkeypatch, affinity, quota, expected) -> None:
    monkeypatch.setattr("motrix_core.hardware.limits.affinity_cpus", lambda: affinity)
    kernel.v2("/")
    if quota:
        kernel.write("cpu.max", quota)
    assert usable_cpus(8, kernel.proc) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the platform has no CPU affinity")
def test_a_process_bound_to_one_cpu_has_one_usable_cpu() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from motrix_core.hardware.limits import affinity_cpus, usable_cpus\n"
        "from pathlib import Path\n"
        "print(affinity_cpus(), usable_cpus(64, Path('/nonexistent')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 (1.0, 'CPU affinity')"


def test_memory_under_a_limit_is_what_the_limit_leaves(monkeypatch) -> None:
    free = read_memory()
    limit = MemoryLimit(limit_bytes=1 << 28, used_bytes=1 << 27)
    monkeypatch.setattr("motrix_core.hardware.limits.memory_limit", lambda: limit)
    limited = read_memory()
    assert (limited.total, limited.limited_by) == (1 << 28, "cgroup memory limit")
    assert limited.available <= 1 << 27
    assert limited.machine_total == free.machine_total


def test_a_limit_above_the_machine_limits_nothing(monkeypatch) -> None:
    monkeypatch.setattr("motrix_core.hardware.limits.memory_limit", lambda: MemoryLimit(1 << 59, 0))
    memory = read_memory()
    assert (memory.total, memory.limited_by) == (memory.machine_total, None)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC   7763\n\nmodel name\t: other\n", "AMD EPYC 7763"),
        ("processor\t: 0\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
        ("Hardware\t: BCM2835\n", "BCM2835"),
    ],
)
def test_the_processor_s_name_is_found_in_every_spelling(tmp_path, text, model) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_model(tmp_path / "cpuinfo") == model


def test_a_processor_without_a_name_has_at_least_its_architecture(tmp_path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nBogoMIPS : 50\n")
    assert cpu_model(tmp_path / "cpuinfo")
    assert cpu_model(tmp_path / "cpuinfo") == cpu_model(tmp_path / "missing")


def test_every_gpu_is_listed_with_bytes_and_percent(monkeypatch) -> None:
    fake = FakeNvml(["H200", b"RTX 5070 Ti"])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    gpus, reason = read_gpus()
    assert reason is None
    assert [(gpu.index, gpu.name, gpu.driver) for gpu in gpus] == [
        (0, "H200", "470.82.01"),
        (1, "RTX 5070 Ti", "470.82.01"),
    ]
    assert (gpus[1].memory_total, gpus[1].memory_used, gpus[1].utilisation) == (24 << 30, 2 << 30, 37)
    assert fake.open == 0, "NVML was left open"


@pytest.mark.parametrize(
    "error",
    [NVMLError("Driver/library version mismatch"), OSError("libnvidia-ml.so.1: invalid ELF header")],
)
def test_a_driver_that_fails_gives_a_reason_and_no_exception(monkeypatch, error) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([], error))
    assert read_gpus() == ((), f"no usable NVIDIA driver ({error})")


def test_nvml_that_cannot_be_imported_gives_a_reason(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    gpus, reason = read_gpus()
    assert gpus == ()
    assert reason is not None and "pip install nvidia-ml-py" in reason


def test_a_driver_that_stops_answering_gives_a_reason(monkeypatch) -> None:
    fake = FakeNvml(["H200"])
    monkeypatch.setitem(sys.modules, "pynvml", fake)

    def fail() -> int:
        raise NVMLError("Unknown Error")

    fake.nvmlDeviceGetCount = fail
    assert read_gpus() == ((), "the NVIDIA driver does not answer (Unknown Error)")
    assert fake.open == 0, "NVML was left open"


def test_one_lost_gpu_does_not_hide_the_others(monkeypatch) -> None:
    fake = FakeNvml(["H200", NVMLError("GPU is lost"), "H200"])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    gpus, reason = read_gpus()
    assert [gpu.index for gpu in gpus] == [0, 2]
    assert reason == "GPU 1: GPU is lost"


def test_what_a_gpu_does_not_tell_is_none(one_gpu) -> None:
    one_gpu.unsupported.add("utilisation")
    ((gpu,), _) = read_gpus()
    assert (gpu.utilisation, gpu.memory_total) == (None, 24 << 30)


def test_a_driver_without_a_gpu_gives_a_reason(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([]))
    assert read_gpus() == ((), "the NVIDIA driver is loaded, but lists no GPU")


@pytest.mark.parametrize(
    ("name", "possible"), [("nvidia0", True), ("kfd", True), ("dxg", True), ("nvidiactl", False), ("null", False)]
)
def test_a_gpu_s_device_file_makes_a_gpu_possible_where_nvml_is_silent(tmp_path, name, possible) -> None:
    (tmp_path / name).touch()
    assert gpu_possible((), tmp_path) is possible


def test_the_inventory_is_json_and_names_every_package(one_gpu) -> None:
    document = json.loads(json.dumps(inventory().to_json(), allow_nan=False))
    assert set(document) == {"cpu", "memory", "gpus", "gpu_reason", "packages", "python", "platform"}
    assert set(document["packages"]) == set(PACKAGES)
    assert document["packages"]["textual"]
    assert document["gpus"][0]["name"] == "Fake GPU 9000"
    assert 0 < document["memory"]["available"] <= document["memory"]["total"]
    assert 0 < document["cpu"]["usable"] <= document["cpu"]["logical"]


def test_the_inventory_imports_no_backend() -> None:
    program = (
        "import sys; from motrix_core.hardware import inventory; inventory()\n"
        "print([n for n in ('jax', 'flax', 'torch', 'skrl', 'motrixsim', 'mujoco', 'gymnasium') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
