"""Whole training: as supervised and recorded runs on both engines, and as plain skrl alone. env-steps/s and ratios.

`stock : plain` shows what supervision and recording cost; `fused : plain` what learning of our own gains over skrl;
`fused : bound` what is left to gain. The sides of a round are started in turn; goals are met by medians of rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motrix_core.bench.bound import bound, matrix_peak, physics_rate
from motrix_core.bench.cases import CASES, WARM_UP, Case
from motrix_core.bench.common import Narrate, median, spread
from motrix_core.errors import TrainingFailed

SIDES = ("plain", "stock", "fused")
HEAD = (
    "case",
    "backend",
    "simulator",
    "plain skrl (env-steps/s)",
    "stock",
    "fused",
    "bound",
    "stock : plain (≥ 0.97)",
    "fused : plain (≥ 1.5)",
    "fused : bound (≥ 0.75)",
)


@dataclass(frozen=True)
class Result:
    """env-steps/s of every round, by side (one of `SIDES`, "bound")."""

    case: str
    backend: str
    sim: str
    rates: Mapping[str, Sequence[float]]

    def ratio(self, side: str, other: str) -> float:
        """The median over rounds of the ratios within each round."""
        return median(one / two for one, two in zip(self.rates[side], self.rates[other], strict=True))

    def row(self) -> list[str]:
        cells = [self.case, self.backend, self.sim]
        cells += [spread(self.rates[side]) for side in (*SIDES, "bound")]
        return [*cells, *(f"{value:.2f}" for value in self._ratios().values())]

    def to_json(self) -> dict[str, Any]:
        names = {"case": self.case, "backend": self.backend, "sim": self.sim}
        return {"benchmark": "training", **names, "env_steps_per_s": dict(self.rates), "ratios": self._ratios()}

    def _ratios(self) -> dict[str, float]:
        pairs = (("stock", "plain"), ("fused", "plain"), ("fused", "bound"))
        return {f"{side}:{other}": round(self.ratio(side, other), 3) for side, other in pairs}


def measure(
    names: Iterable[str], backends: Iterable[str], *, sim: str, repeats: int, tell: Narrate
) -> Iterator[Result]:
    """The result of each case on each backend, as soon as it is known. Raises TrainingFailed."""
    for name in names:
        case, engine = CASES[name], CASES[name].sim(sim)
        for backend in backends:
            rates: dict[str, list[float]] = {side: [] for side in (*SIDES, "bound")}
            for seed in range(repeats):
                for side, rate in _round(case, backend, engine, seed):
                    rates[side].append(rate)
                    tell(f"{name} on {backend}, round {seed + 1} of {repeats}: {side} {rate:,.0f} env-steps/s")
            yield Result(name, backend, engine, rates)


def _round(case: Case, backend: str, sim: str, seed: int) -> Iterator[tuple[str, float]]:
    config = case.config(backend, sim)
    samples = config.ppo.rollouts * config.ppo.num_envs
    # The order changes from round to round: whoever comes first finds a cooler machine.
    for number in range(len(SIDES)):
        side = SIDES[(number + seed) % len(SIDES)]
        ended = _plain(case, backend, sim, seed) if side == "plain" else _run(case, backend, sim, side, seed)
        yield side, samples * (len(ended) - 1 - WARM_UP) / (ended[-1] - ended[WARM_UP])
    yield "bound", bound(config, physics=physics_rate(config), peak=matrix_peak())


def _plain(case: Case, backend: str, sim: str, seed: int) -> list[float]:
    """The moments, seconds, at which the updates of plain skrl ended."""
    argv = [sys.executable, "-m", "motrix_core.learn.bench.plain", "--env", case.env, "--backend", backend]
    argv += ["--sim", sim, "--seed", str(seed), "--updates", str(case.updates)]
    return json.loads(_output([*argv, *_sets(case)]).splitlines()[-1])


def _run(case: Case, backend: str, sim: str, engine: str, seed: int) -> list[float]:
    budget = case.config(backend, sim).ppo.max_env_steps
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "motrix_core.cli", "run", "--env", case.env, "--backend", backend, "--json"]
        argv += ["--sim", sim, "--seed", str(seed), "--max-env-steps", str(budget), "--runs-dir", folder]
        lines = _output([*argv, *_sets(case), "--set", f"train.engine={engine}"]).splitlines()
    return [event["time"] for event in map(json.loads, lines) if event["type"] == "metrics"]


def _sets(case: Case) -> list[str]:
    return [word for text in case.sets() for word in ("--set", text)]


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise TrainingFailed(f"{' '.join(argv[1:])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
