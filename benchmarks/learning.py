"""The learning proof: train to a stated return, several seeds, both backends. `--write` puts it into docs/results.md.

A task counts as solved at the first update by which the mean return of the last finished episodes is at least its
threshold. As many episodes are taken as there are environments: those that never fail end their episodes in step,
and between those moments only failures end, which would be a biased sample.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from motrix_core.bench.common import machine, table
from motrix_core.config.registry import default_rl_cfg
from motrix_core.envs.catalog import catalog

RESULTS = Path(__file__).parent.parent / "docs" / "results.md"


@dataclass(frozen=True)
class Proof:
    env: str
    max_env_steps: int

    @property
    def threshold(self) -> float:
        """The mean return at which the catalog calls the task solved."""
        threshold = catalog()[self.env].success_return
        assert threshold is not None
        return threshold

    @property
    def why(self) -> str:
        return catalog()[self.env].success


PROOFS = (
    Proof("cartpole", 5_000_000),
    Proof("pendulum", 1_000_000),
    Proof("acrobot", 500_000),
    Proof("mountain-car", 1_000_000),
)


@dataclass(frozen=True)
class Outcome:
    seed: int
    solved_at: int | None
    seconds: float | None
    last_return: float | None
    env_steps: int
    steps_per_s: float


def train(proof: Proof, backend: str, seed: int, folder: str, extra: Sequence[str]) -> Outcome:
    argv = [sys.executable, "-m", "motrix_core.cli", "run", "--env", proof.env, "--backend", backend]
    argv += [
        "--seed",
        str(seed),
        "--max-env-steps",
        str(proof.max_env_steps),
        "--runs-dir",
        folder,
        "--json",
        *extra,
    ]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}")
    return outcome(proof, backend, seed, [json.loads(line) for line in done.stdout.splitlines()])


def outcome(proof: Proof, backend: str, seed: int, events: list[dict]) -> Outcome:
    recent: deque[tuple[float, float]] = deque()
    solved_at = seconds = last = None
    wanted = default_rl_cfg(proof.env, "skrl", backend).num_envs
    metrics = [event for event in events if event["type"] == "metrics"]
    started = next(event["time"] for event in events if event["type"] == "run_started")
    for event in metrics:
        mean, episodes = event["data"].get("return/mean"), event["data"].get("episodes") or 0
        if mean is None or not episodes:
            continue
        recent.append((float(mean), float(episodes)))
        while sum(n for _, n in recent) - recent[0][1] >= wanted:
            recent.popleft()
        total = sum(n for _, n in recent)
        last = sum(value * n for value, n in recent) / total
        if solved_at is None and total >= wanted and last >= proof.threshold:
            solved_at, seconds = event["env_steps"], event["time"] - started
    speeds = sorted(event["data"]["perf/env_steps_per_s"] for event in metrics)
    return Outcome(seed, solved_at, seconds, last, metrics[-1]["env_steps"], speeds[len(speeds) // 2])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", nargs="*", default=[proof.env for proof in PROOFS])
    parser.add_argument("--backends", nargs="*", default=["jax", "torch"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--write", action="store_true", help="write docs/results.md")
    args = parser.parse_args(argv)
    extra = [word for item in args.sets for word in ("--set", item)]
    rows, missed = [], 0
    for proof in (proof for proof in PROOFS if proof.env in args.envs):
        for backend in args.backends:
            for seed in args.seeds:
                with tempfile.TemporaryDirectory() as folder:
                    got = train(proof, backend, seed, folder, extra)
                missed += got.solved_at is None
                rows.append(row(proof, backend, got))
                print(" | ".join(rows[-1]), flush=True)
    text = page(rows, missed)
    if args.write:
        RESULTS.write_text(text)
    else:
        print(text)
    return 1 if missed else 0


def row(proof: Proof, backend: str, got: Outcome) -> list[str]:
    return [
        f"`{proof.env}`",
        backend,
        str(got.seed),
        f"{proof.threshold:g}",
        f"{got.solved_at:,}" if got.solved_at is not None else "not reached",
        f"{got.seconds:.0f}" if got.seconds is not None else "",
        f"{got.last_return:.1f}" if got.last_return is not None else "none",
        f"{got.env_steps:,}",
        f"{got.steps_per_s:,.0f}",
    ]


def page(rows: list[list[str]], missed: int) -> str:
    head = ["task", "backend", "seed", "threshold", "env steps to it", "seconds to it", "return at the end"]
    head += ["env steps", "env-steps/s (median)"]
    verdict = (
        "Every run reached its threshold." if not missed else f"{missed} of {len(rows)} runs did not reach theirs."
    )
    thresholds = "\n".join(f"- `{p.env}`: {p.why}, within {p.max_env_steps:,} env steps" for p in PROOFS)
    return f"""# Results

What the shipped defaults learn, on both backends. Made by `make results` on {datetime.date.today().isoformat()}.

{machine()}

{thresholds}

The return is that of training episodes with exploration noise: the mean over the last finished episodes,
as many as there are environments. Seconds count from the start of the run, imports and compilation
included.

{table(head, rows)}

{verdict}
"""


if __name__ == "__main__":
    sys.exit(main())
