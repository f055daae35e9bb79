"""Whole training: as supervised and recorded runs on both engines, and as plain skrl alone. env-steps/s and ratios.

`stock : plain` shows what supervision and recording cost; `fused : plain` what learning of our own gains over skrl;
`fused : bound` what is left to gain. All of them take turns, one update each; a ratio is the median over the turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motrix_core.bench.cases import CASES, WARM_UP, Case
from motrix_core.bench.common import Narrate, median, spread
from motrix_core.bench.turns import Program, Side, SupervisedRun, take_turns

SIDES = ("plain", "stock", "fused", "bound")
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
    """env-steps/s of every turn, by side (see `SIDES`)."""

    case: str
    backend: str
    sim: str
    rates: Mapping[str, Sequence[float]]

    def ratio(self, side: str, other: str) -> float:
        """The median over turns of the ratios within each."""
        return median(one / two for one, two in zip(self.rates[side], self.rates[other], strict=True))

    def row(self) -> list[str]:
        cells = [self.case, self.backend, self.sim]
        cells += [spread(self.rates[side]) for side in SIDES]
        return [*cells, *(f"{value:.2f}" for value in self._ratios().values())]

    def to_json(self) -> dict[str, Any]:
        names = {"case": self.case, "backend": self.backend, "sim": self.sim}
        return {"benchmark": "training", **names, "env_steps_per_s": dict(self.rates), "ratios": self._ratios()}

    def _ratios(self) -> dict[str, float]:
        pairs = (("stock", "plain"), ("fused", "plain"), ("fused", "bound"))
        return {f"{side}:{other}": round(self.ratio(side, other), 3) for side, other in pairs}


def measure(
    names: Iterable[str], backends: Iterable[str], *, sim: str, turns: int | None, tell: Narrate
) -> Iterator[Result]:
    """The result of each case on each backend, as soon as it is known; `turns` instead of the case's own number.

    Raises TrainingFailed.
    """
    for name in names:
        case, engine = CASES[name], CASES[name].sim(sim)
        for backend in backends:
            tell(f"{name} on {backend} and {engine}, {turns or case.turns} turns")
            ppo = case.config(backend, engine).ppo
            seconds = take_turns(sides(case, backend, engine), warm_up=WARM_UP, turns=turns or case.turns)
            yield Result(name, backend, engine, _rates(seconds, ppo.rollouts * ppo.num_envs))


def _rates(seconds: Mapping[str, Sequence[float]], samples: int) -> dict[str, list[float]]:
    bound = [sum(both) for both in zip(seconds["physics"], seconds["arithmetic"], strict=True)]
    return {side: [samples / s for s in {**seconds, "bound": bound}[side]] for side in SIDES}


def sides(case: Case, backend: str, sim: str) -> dict[str, Side]:
    """What takes turns, by name, not yet started."""
    chosen = ["--env", case.env, "--backend", backend, "--sim", sim]
    chosen += [word for text in case.sets() for word in ("--set", text)]
    budget = ["--seed", "0", "--max-env-steps", str(case.config(backend, sim).ppo.max_env_steps)]
    return {
        "plain": Program("motrix_core.learn.bench.plain", chosen),
        "stock": SupervisedRun([*chosen, *budget, "--set", "train.engine=stock"]),
        "fused": SupervisedRun([*chosen, *budget, "--set", "train.engine=fused"]),
        "physics": Program("motrix_core.bench.bound", ["physics", *chosen], durations=True),
        "arithmetic": Program("motrix_core.bench.bound", ["arithmetic", *chosen], durations=True),
    }
