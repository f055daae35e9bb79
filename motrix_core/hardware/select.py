"""Which backend and which simulator a run uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from motrix_core.errors import (
    BackendUnusable,
    MissingExtra,
    NoUsableBackend,
    SimulatorUnusable,
    UnknownName,
    UsageError,
)
from motrix_core.hardware.inventory import gpu_possible, read_gpus
from motrix_core.hardware.probe import Probe, probe_all
from motrix_core.hardware.requirements import BACKENDS, SIMULATORS, TARGETS, installed_version

ProbeOne = Callable[[str], Probe]
Device = Literal["gpu", "cpu"]

_DEVICE_TITLES = {"gpu": "GPU", "cpu": "CPU"}


@dataclass(frozen=True)
class DeviceSupports:
    """What can train here, in MotrixLab's terms: a backend at all, and on a GPU."""

    torch: bool
    torch_gpu: bool
    jax: bool
    jax_gpu: bool

    def preferred(self) -> tuple[str, Device] | None:
        """Backend and device in MotrixLab's order: JAX on GPU, PyTorch on GPU, JAX on CPU, PyTorch on CPU."""
        if self.jax and self.jax_gpu:
            return "jax", "gpu"
        if self.torch and self.torch_gpu:
            return "torch", "gpu"
        if self.jax:
            return "jax", "cpu"
        if self.torch:
            return "torch", "cpu"
        return None


@dataclass(frozen=True)
class Selection:
    """What a run uses, and why, in words for the user ("automatic: JAX on CPU, no GPU found")."""

    backend: str
    """The learning backend; from `select_sim` the simulation backend, "none" where none is needed."""
    device: Device
    reason: str
    probes: Mapping[str, Probe] = field(default_factory=dict)
    """What was probed on the way; the automatic choice probes no more than it needs."""

    def to_json(self) -> dict[str, Any]:
        """The choice as a JSON-ready dictionary, without the probes."""
        return {"backend": self.backend, "device": self.device, "reason": self.reason}


def get_device_supports(probe: ProbeOne | None = None) -> DeviceSupports:
    """What can train here; probes both backends, or asks `probe`."""
    return supports_of(_probed(BACKENDS, probe))


def supports_of(probes: Mapping[str, Probe]) -> DeviceSupports:
    """`DeviceSupports` by the given probes; a backend without one counts as not there."""

    def can(name: str) -> bool:
        return name in probes and probes[name].usable

    def on_gpu(name: str) -> bool:
        return can(name) and probes[name].gpu

    return DeviceSupports(can("torch"), on_gpu("torch"), can("jax"), on_gpu("jax"))


def select_backend(
    requested: str, probe: ProbeOne | None = None, *, gpu_in_reach: bool | None = None, beside: Sequence[str] = ()
) -> Selection:
    """The backend for `requested`: "auto", "jax" or "torch".

    `probe` answers for a backend instead of a child process, for callers that have probes already.
    `gpu_in_reach` says whether a GPU may be found (None: look). Without one the automatic choice stops at the
    first backend that works, since the order on the CPU is fixed. `beside` names what else is probed at the same time,
    for `probes`; it has no part in the choice.

    Raises UnknownName; BackendUnusable, with cause and mend, when the backend asked for by name cannot be used;
    NoUsableBackend when the automatic choice finds none.
    """
    if requested == "auto":
        return _automatic(probe, gpu_possible(read_gpus()[0]) if gpu_in_reach is None else gpu_in_reach, beside)
    if requested not in BACKENDS:
        raise UnknownName("backend", requested, ("auto", *BACKENDS), listing="motrix devices")
    probes = _probed((requested, *beside), probe)
    found = probes[requested]
    if not found.usable:
        raise BackendUnusable(requested, found.cause or found.status, mend=found.mend)
    device: Device = "gpu" if found.gpu else "cpu"
    return Selection(requested, device, f"asked for: {_where(found, device)}{_remark(found)}", probes)


def select_sim(requested: str, env_sims: Sequence[str]) -> Selection:
    """The simulator for `requested` ("auto", "motrixsim", "mujoco" or "none") and an environment's `env_sims`.

    `env_sims` names the simulators that the environment runs on; empty, it needs none. By package metadata only.
    Raises UnknownName; UsageError when the environment does not run on the simulator asked for; MissingExtra when
    it is not installed.
    """
    if requested not in ("auto", "none", *SIMULATORS):
        raise UnknownName("simulator", requested, ("auto", "none", *SIMULATORS), listing="motrix devices")
    if requested != "auto":
        return _asked_sim(requested, env_sims)
    if not env_sims:
        return Selection("none", "cpu", "automatic: the environment needs no simulator")
    candidates = [name for name in SIMULATORS if name in env_sims]
    for name in candidates:
        if installed_version(TARGETS[name].distribution) is not None:
            return Selection(name, "cpu", f"automatic: {TARGETS[name].title}{_skipped(candidates, name)}")
    if not candidates:
        raise UsageError(
            f"the environment runs on {', '.join(env_sims)} only, which is no known simulator",
            mend=f"its registration may name {', '.join(SIMULATORS)}",
        )
    first = TARGETS[candidates[0]]
    raise MissingExtra(" or ".join(TARGETS[name].title for name in candidates), first.extra)


def check_sim(found: Probe, env_sims: Sequence[str], probe: ProbeOne | None = None) -> None:
    """Raise SimulatorUnusable, with cause and mend, unless `found`, the probe of the simulator that was selected, says
    that it works.

    Another one of `env_sims` is never taken in its stead, since its numbers are not the same; one that works (asked of
    `probe`, or of child processes) is named as a way out.
    """
    if found.usable:
        return
    others = [
        name
        for name in SIMULATORS
        if name in env_sims and name != found.name and installed_version(TARGETS[name].distribution) is not None
    ]
    ways = [found.mend] if found.mend else []
    ways += [f"--sim {name}, which works" for name, other in _probed(others, probe).items() if other.usable]
    raise SimulatorUnusable(found.name, found.cause or found.status, mend=", or use ".join(ways) or None)


def _asked_sim(requested: str, env_sims: Sequence[str]) -> Selection:
    if requested == "none":
        if env_sims:
            raise UsageError(
                f"the environment cannot run without a simulator (sim={requested!r})",
                mend=f"use --sim auto or {' or '.join(f'--sim {name}' for name in env_sims)}",
            )
        return Selection("none", "cpu", "asked for: no simulator")
    target = TARGETS[requested]
    if requested not in env_sims:
        runs_on = f"runs on {', '.join(env_sims)}" if env_sims else "needs no simulator"
        raise UsageError(
            f"the environment {runs_on} and cannot use {target.title} (sim={requested!r})",
            mend="use --sim auto",
        )
    if installed_version(target.distribution) is None:
        raise MissingExtra(target.title, target.extra)
    return Selection(requested, "cpu", f"asked for: {target.title}")


def _automatic(probe: ProbeOne | None, gpu_in_reach: bool, beside: Sequence[str]) -> Selection:
    probes = _probed((*(BACKENDS if gpu_in_reach else ("jax",)), *beside), probe)
    if supports_of(probes).preferred() is None and "torch" not in probes:
        probes = {**probes, **_probed(("torch",), probe)}
    choice = supports_of(probes).preferred()
    if choice is None:
        raise _none_usable(probes)
    backend, device = choice
    reasons = [f"automatic: {_where(probes[backend], device)}"]
    if device == "cpu":
        reasons.append("no backend can use the GPU" if gpu_in_reach else "no GPU found")
    for name in BACKENDS[: BACKENDS.index(backend)]:
        better = probes[name]
        reasons.append(f"{better.title} finds no GPU" if better.usable else f"{better.title} unusable: {better.cause}")
    return Selection(backend, device, ", ".join(reasons), probes)


def _none_usable(probes: Mapping[str, Probe]) -> NoUsableBackend:
    broken = [
        f"{found.title}: {found.cause}; {found.mend}"
        for name, found in probes.items()
        if name in BACKENDS and found.status != "not-installed"
    ]
    causes = f" ({' | '.join(broken)})" if broken else ""
    installs = " or ".join(TARGETS[name].install for name in BACKENDS)
    return NoUsableBackend(f"neither JAX nor PyTorch is available{causes}", mend=installs)


def _probed(names: Sequence[str], probe: ProbeOne | None) -> dict[str, Probe]:
    if probe is None:
        return probe_all(names)
    return {name: probe(name) for name in names}


def _where(found: Probe, device: Device) -> str:
    named = f" ({found.devices[0]})" if device == "gpu" and found.devices else ""
    return f"{found.title} on {_DEVICE_TITLES[device]}{named}"


def _remark(found: Probe) -> str:
    return f", {found.cause}" if found.cause else f", {found.note}" if found.note else ""


def _skipped(candidates: Sequence[str], taken: str) -> str:
    skipped = [TARGETS[name].title for name in candidates[: candidates.index(taken)]]
    return f", {' and '.join(skipped)} not installed" if skipped else ""
