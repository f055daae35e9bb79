"""What the end of a probe's child process means: usable or not, why, and what to type to mend it."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from motrix_core.hardware.inventory import Gpu
from motrix_core.hardware.requirements import Target, jax_cuda_plugin

Status = Literal[
    "ok",
    "not-installed",
    "incomplete",
    "import-failed",
    "no-driver",
    "device-failed",
    "timeout",
    "killed",
    "not-started",
]


@dataclass(frozen=True)
class Probe:
    """What was found out about one backend or simulator.

    `usable` says whether it can train at all, `gpu` whether its default device is a GPU that computes correctly.
    `cause` and `mend` are set whenever something is wrong, also where it is only the GPU that cannot be used
    (status "no-driver" with `usable`). `note` is a remark about something that works, but could do better.
    """

    name: str
    title: str
    version: str | None
    status: Status
    usable: bool
    devices: tuple[str, ...] = ()
    gpu: bool = False
    cause: str | None = None
    mend: str | None = None
    note: str | None = None
    elapsed_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON-ready dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """How a child process ended, and the last things that it said."""

    stage: str | None = None
    """The stage that began last; None when the child never came that far."""
    result: dict[str, Any] | None = None
    exit_code: int | None = None
    """Negative: the signal that ended it. None: it had to be stopped, or never started."""
    start_error: str | None = None
    unkillable: bool = False
    last_words: str = ""
    elapsed_s: float = 0.0
    timeout_s: float = field(default=0.0)


_DOING = {None: "starting", "import": "importing it", "devices": "listing devices", "compute": "computing"}


def not_installed(target: Target) -> Probe:
    return Probe(target.name, target.title, None, "not-installed", False, cause="not installed", mend=target.install)


def incomplete(target: Target, version: str, problems: tuple[str, ...]) -> Probe:
    """The package is there, but what training needs beside it is not."""
    return Probe(
        target.name,
        target.title,
        version,
        "incomplete",
        False,
        cause="; ".join(problems),
        mend=target.install,
    )


def judge(target: Target, version: str, outcome: Outcome, gpus: tuple[Gpu, ...]) -> Probe:
    """The verdict on `outcome`. `version` is the package metadata's, `gpus` what NVML sees."""
    if outcome.result is not None:
        if outcome.result.get("ok"):
            return _working(target, version, outcome, gpus)
        stage = str(outcome.result.get("stage"))
        return _failed(target, version, outcome, stage, printable(str(outcome.result.get("error"))), gpus)
    doing = _DOING.get(outcome.stage, "working")
    if outcome.start_error is not None:
        cause, mend = f"the probe could not start: {outcome.start_error}", "motrix devices"
        return _unusable(target, version, outcome, "not-started", cause, f"try again with {mend}")
    if outcome.exit_code is None:
        return _hung(target, version, outcome, doing)
    if outcome.exit_code < 0:
        return _killed(target, version, outcome, doing)
    if outcome.stage is None:
        cause = f"the probe could not start: {outcome.last_words or f'exit code {outcome.exit_code}'}"
        mend = "pip install --force-reinstall motrix-tui"
        return _unusable(target, version, outcome, "not-started", cause, mend)
    cause = f"ended with exit code {outcome.exit_code} while {doing}, without an error"
    return _failed(target, version, outcome, outcome.stage, cause, gpus)


def printable(text: str, limit: int = 300) -> str:
    """`text` on one line, without anything that a terminal could take for a control sequence, and not endless."""
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _working(target: Target, version: str, outcome: Outcome, gpus: tuple[Gpu, ...]) -> Probe:
    result = outcome.result or {}
    gpu = bool(result.get("gpu"))
    status, cause, mend, note = "ok", None, None, None
    if target.kind == "backend" and not gpu:
        cuda = _cuda_build(target, result)
        if gpus and (hidden := _hidden_by(target)):
            note = f"{hidden} hides the GPU"
        elif cuda:
            status, note = "no-driver", "usable on the CPU only"
            cause, mend = _unused_cuda(cuda, result, gpus)
        elif gpus:
            note = _cpu_build_note(target, gpus[0])
    return Probe(
        target.name,
        target.title,
        printable(str(result.get("version") or version)),
        status,
        True,
        tuple(printable(str(device)) for device in result.get("devices", ())),
        gpu,
        cause,
        mend,
        note,
        outcome.elapsed_s,
    )


def _cuda_build(target: Target, result: dict[str, Any]) -> str | None:
    """What makes this installation one for CUDA, or None."""
    if target.name == "jax":
        return jax_cuda_plugin()
    return f"a CUDA {result['cuda']} build" if result.get("cuda") else None


def _hidden_by(target: Target) -> str | None:
    """The setting in the environment that keeps `target` from the GPU, or None."""
    hiding: dict[str, tuple[str, ...]] = {"CUDA_VISIBLE_DEVICES": ("", "-1")}
    if target.name == "jax":
        hiding["JAX_PLATFORMS"] = ("cpu",)
    for variable, values in hiding.items():
        if os.environ.get(variable) in values:
            return f"{variable}={os.environ[variable]!r}"
    return None


def _unused_cuda(cuda: str, result: dict[str, Any], gpus: tuple[Gpu, ...]) -> tuple[str, str]:
    """Cause and mend where an installation for CUDA finds no GPU."""
    if not gpus:
        cause = f"{cuda} is installed, but no NVIDIA driver with a GPU was found"
        return cause, "install the NVIDIA driver (nvidia-smi must list the GPU); for the CPU it is fine as it is"
    cause = printable(str(result.get("warning") or f"{cuda} is installed, but does not find {gpus[0].name}"))
    return cause, f"update the NVIDIA driver (now {gpus[0].driver}), or install a build for its CUDA version"


def _cpu_build_note(target: Target, gpu: Gpu) -> str:
    if target.name == "jax":
        return f"a CPU build: {gpu.name} stays unused; pip install 'motrix-tui[skrl-jax-cuda]'"
    return f"a CPU build: {gpu.name} stays unused; install a CUDA build of PyTorch"


def _failed(target: Target, version: str, outcome: Outcome, stage: str, cause: str, gpus: tuple[Gpu, ...]) -> Probe:
    if stage == "import":
        if "libcuda.so" in cause:
            mend = f"install the NVIDIA driver, or a build for the CPU: pip install {target.reinstall}"
            return _unusable(target, version, outcome, "no-driver", cause, mend)
        mend = f"pip install --force-reinstall {target.reinstall}"
        return _unusable(target, version, outcome, "import-failed", cause, mend)
    mend = f"pip install --force-reinstall {target.reinstall}"
    platforms = os.environ.get("JAX_PLATFORMS")
    if target.name == "jax" and platforms:
        mend = f"unset JAX_PLATFORMS (it is {platforms!r})"
    elif target.kind == "backend" and gpus:
        hide = "JAX_PLATFORMS=cpu" if target.name == "jax" else "CUDA_VISIBLE_DEVICES=-1"
        mend = f"look at the GPU with nvidia-smi; {hide} trains on the CPU instead"
    return _unusable(target, version, outcome, "device-failed", cause, mend)


def _hung(target: Target, version: str, outcome: Outcome, doing: str) -> Probe:
    cause = f"no answer within {outcome.timeout_s:g} s while {doing}"
    mend = "try again (a first import from a slow disk takes long)"
    if outcome.unkillable:
        cause += "; the process cannot be killed, it hangs in a driver"
        mend = "check the GPU with nvidia-smi, and restart the machine if that hangs too"
    elif target.kind == "backend":
        mend += "; if nvidia-smi hangs too, the GPU's driver does"
    return _unusable(target, version, outcome, "timeout", cause, mend)


def _killed(target: Target, version: str, outcome: Outcome, doing: str) -> Probe:
    number = -(outcome.exit_code or 0)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL:
        mend = "free memory or raise the memory limit of the job or container, then try again"
    elif number == signal.SIGILL:
        mend = f"this CPU lacks instructions that the build uses; install an older or other build of {target.title}"
    else:
        mend = f"pip install --force-reinstall {target.reinstall}"
    return _unusable(target, version, outcome, "killed", f"killed by {name} while {doing}", mend)


def _unusable(target: Target, version: str, outcome: Outcome, status: Status, cause: str, mend: str) -> Probe:
    return Probe(
        target.name,
        target.title,
        version,
        status,
        False,
        cause=cause,
        mend=mend,
        elapsed_s=outcome.elapsed_s,
    )
