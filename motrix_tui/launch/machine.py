"""Which backends and simulators there are, what the probes said, and which ones a launch would take."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motrix_tui.core import Core
from motrix_tui.text import BACKEND_TITLES

if TYPE_CHECKING:
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.hardware import Inventory, Probe

BACKENDS = ("jax", "torch")
SIMULATORS = ("motrixsim", "mujoco")
TITLES = {**BACKEND_TITLES, "motrixsim": "MotrixSim", "mujoco": "MuJoCo", "none": "no simulator"}


@dataclass(frozen=True)
class Candidate:
    """One backend or simulator as the panel lists it. `probe` is None while its probe runs."""

    name: str
    version: str | None
    probe: Probe | None
    taken: bool
    automatic: bool
    fits: bool
    """False for a simulator that the chosen environment does not run on."""
    needed: bool
    """False for a simulator when the chosen environment runs without any."""

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def unusable(self) -> bool:
        return not self.probe.usable if self.probe is not None else self.version is None


class Machine:
    """What is known so far, and the person's own choices, which win over the automatic ones."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.inventory: Inventory | None = None
        self.probes: dict[str, Probe] = {}
        self.wanted_backend = next((name for name in BACKENDS if name == os.environ.get("MOTRIX_BACKEND")), None)
        self.wanted_sim: dict[str, str] = {}
        self._automatic: str | None = None

    def probed(self, probe: Probe) -> None:
        self.probes[probe.name] = probe
        if all(name in self.probes for name in BACKENDS):
            self._automatic = self._core.preferred_backend(self.probes)

    @property
    def automatic_backend(self) -> str:
        """What automatic selection takes; before the probes are done, the first that is installed."""
        if self._automatic is not None:
            return self._automatic
        return next((name for name in BACKENDS if self._installed(name) and not self._failed(name)), BACKENDS[0])

    @property
    def backend(self) -> str:
        return self.wanted_backend or self.automatic_backend

    def sim(self, spec: EnvSpec | None) -> str:
        """The simulator for `spec`: the person's choice, else the first usable one, else the first one."""
        if spec is None or not spec.sims:
            return "none"
        usable = (name for name in spec.sims if self._installed(name) and not self._failed(name))
        asked = self.asked_sim(spec)
        return next(usable, spec.sims[0]) if asked == "auto" else asked

    def asked_sim(self, spec: EnvSpec) -> str:
        """What the person chose for `spec`, here or by MOTRIX_SIM; "auto" if nothing that it runs on.

        An environment that was read again may run on others than when the choice was made.
        """
        choices = (self.wanted_sim.get(spec.name), os.environ.get("MOTRIX_SIM"))
        return next((name for name in choices if name in spec.sims), "auto")

    def next_backend(self) -> str | None:
        """The backend that `b` would take, or None if no other one can be used."""
        return self._next(BACKENDS, self.backend)

    def next_sim(self, spec: EnvSpec) -> str | None:
        return self._next(spec.sims, self.sim(spec))

    def take_sim(self, spec: EnvSpec, name: str) -> None:
        """Take `name` for `spec`. What would be taken anyway is no choice of its own, and stays automatic."""
        self.wanted_sim.pop(spec.name, None)
        if name != self.sim(spec):
            self.wanted_sim[spec.name] = name

    def candidates(self, spec: EnvSpec | None) -> list[Candidate]:
        backend, sim = self.backend, self.sim(spec)
        sims = spec.sims if spec is not None else SIMULATORS
        return [
            Candidate(
                name,
                self._version(name),
                self.probes.get(name),
                taken=name in (backend, sim),
                automatic=name == self.automatic_backend,
                fits=name in BACKENDS or name in sims,
                needed=name in BACKENDS or bool(sims),
            )
            for name in (*BACKENDS, *SIMULATORS)
        ]

    def unknown_wishes(self) -> list[str]:
        """One line for each environment variable that asks for something that does not exist."""
        wishes = (("MOTRIX_BACKEND", BACKENDS), ("MOTRIX_SIM", (*SIMULATORS, "none")))
        return [
            f"{name}={value!r} is not one of {', '.join(('auto', *known))}; it is ignored here"
            for name, known in wishes
            if (value := os.environ.get(name, "auto")) not in ("", "auto", *known)
        ]

    def reason(self) -> str:
        """Why this backend, as `config.json` records it."""
        return "chosen in the dashboard" if self.wanted_backend else "automatic, in the dashboard"

    def obstacle(self, spec: EnvSpec | None) -> str | None:
        """Why the chosen backend or simulator cannot train, with the mend; None if nothing speaks against it."""
        for name in (self.backend, self.sim(spec)):
            probe = self.probes.get(name)
            if probe is not None and not probe.usable:
                return f"{TITLES[name]}: {explain(probe)}"
        return None

    def _next(self, names: Sequence[str], current: str) -> str | None:
        start = names.index(current)
        others = [*names[start + 1 :], *names[:start]]
        return next((name for name in others if self._installed(name) and not self._failed(name)), None)

    def _version(self, name: str) -> str | None:
        probe = self.probes.get(name)
        if probe is not None and probe.version:
            return probe.version
        packages: Mapping[str, str | None] = self.inventory.packages if self.inventory else {}
        return packages.get(name)

    def _installed(self, name: str) -> bool:
        return self.inventory is None or self._version(name) is not None

    def _failed(self, name: str) -> bool:
        return name in self.probes and not self.probes[name].usable


def explain(probe: Probe) -> str:
    """Cause and mend of an unusable probe in one line."""
    cause = probe.cause or "cannot be used"
    return f"{cause}; {probe.mend}" if probe.mend else cause
