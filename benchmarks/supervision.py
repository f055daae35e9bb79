"""What supervision and logging cost: `motrix run` against the same trainer alone, which writes nothing.

    python -m benchmarks.supervision [--case cartpole] [--backend torch] [--turns 41]

The two take turns, one update each. The ratio of the times in a turn holds everything, and the noise of the machine;
the processor time per update, over all turns, of every process that belongs to a side disturbs others less.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence

import psutil

from motrix_core.bench.cases import CASES
from motrix_core.bench.common import median, spread, table
from motrix_core.bench.turns import Program, Side, SupervisedRun, take_turns

_WARM_UP = 5


class Counted(Side):
    """A side that adds up the processor time of its turns."""

    cpu_s = 0.0

    def turn(self) -> float:
        before = self._cpu_s()
        seconds = super().turn()
        self.cpu_s += self._cpu_s() - before
        return seconds

    def _cpu_s(self) -> float:
        total = 0.0
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:2])
        return total


class Whole(Counted, SupervisedRun):
    pass


class Alone(Counted, Program):
    pass


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=sorted(CASES), default="cartpole")
    parser.add_argument("--backend", choices=("jax", "torch"), default="torch")
    parser.add_argument("--turns", type=int, default=41)
    options = parser.parse_args(argv)
    case = CASES[options.case]
    sim = case.sim("auto")
    chosen = ["--env", case.env, "--backend", options.backend, "--sim", sim]
    budget = case.config(options.backend, sim).ppo.max_env_steps
    chosen += [word for text in (*case.sets(), f"ppo.max_env_steps={budget}") for word in ("--set", text)]
    whole, alone = Whole([*chosen, "--seed", "0"]), Alone("benchmarks.silent", chosen)
    seconds = take_turns({"whole": whole, "alone": alone}, warm_up=_WARM_UP, turns=options.turns)
    ratios = [one / other for one, other in zip(seconds["alone"], seconds["whole"], strict=True)]
    rows = [
        ["motrix run, an update (ms)", spread([1000 * value for value in seconds["whole"]]), ""],
        ["the trainer alone (ms)", spread([1000 * value for value in seconds["alone"]]), ""],
        ["speed with : without, median of turns", f"{median(ratios):.3f}", "≥ 0.99"],
        ["processor time per update, with (ms)", f"{1000 * whole.cpu_s / options.turns:.1f}", ""],
        ["without (ms)", f"{1000 * alone.cpu_s / options.turns:.1f}", ""],
        ["processor time without : with", f"{alone.cpu_s / whole.cpu_s:.3f}", "≥ 0.99"],
    ]
    print(f"{options.case} on {options.backend} and {sim}, {options.turns} turns")
    print(table(["what", "measured", "reach"], rows))


if __name__ == "__main__":
    main()
