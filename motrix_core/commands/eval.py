"""`motrix eval`: how well a trained policy does, and whether another does better."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from motrix_core.commands.export import choose_named
from motrix_core.commands.waiting import prints_on_stderr
from motrix_core.commands.whole_numbers import whole
from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from motrix_core.learn.comparison import Comparison
    from motrix_core.learn.evaluation import Scores, Task
    from motrix_core.runs.checkpoints import CheckpointInfo
    from motrix_core.runs.layout import Run

_MOST_EPISODES = 1_000_000


@dataclass(frozen=True)
class _Subject:
    """A checkpoint to evaluate."""

    run: Run
    checkpoint: CheckpointInfo

    @property
    def name(self) -> str:
        best = " (best)" if self.checkpoint.best else ""
        return f"{self.checkpoint.path.name}{best} of {self.run.id}"


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "eval",
        help="score a trained policy, or compare two",
        description="Scores the deterministic policy of a checkpoint in whole episodes of its environment. With a "
        "second RUN, both are scored from identical initial states, and what is printed is their difference and "
        "whether it is significant. RUN may end in @best, @last or @ENV_STEPS, which names one of its checkpoints. "
        "Needs the simulator, but neither JAX nor PyTorch.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run's folder, its id or an unambiguous part of it, or last; one, or two to compare",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="WHICH",
        help="best, last or a number of env steps (default: best if known, else last); for each RUN without @",
    )
    parser.add_argument(
        "--episodes", type=whole(1, _MOST_EPISODES), metavar="N", help="episodes (default: train.eval_episodes, 64)"
    )
    parser.add_argument(
        "--seed",
        type=whole(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="chooses the initial states (default: 0); training never evaluates on these, whatever the seed",
    )
    parser.add_argument("--sim", metavar="SIM", help="the simulator (default: the one that the first RUN trains on)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, nothing else")
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")


def run(args: argparse.Namespace) -> int:
    """Prints scores or a comparison; 0 whatever they are."""
    # On batches this small NumPy's threads only wait for each other; read when NumPy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from motrix_core.learn.comparison import LEAST_EPISODES, compare
    from motrix_core.learn.evaluation import COMMAND_STREAM, evaluate
    from motrix_core.learn.policy import NumpyPolicy
    from motrix_core.runs import checkpoints

    if len(args.runs) > 2:
        raise UsageError(f"motrix eval takes one or two runs, not {len(args.runs)}")
    subjects = [_subject(token, args) for token in args.runs]
    # An environment that somebody brought may print; stdout is ours.
    with prints_on_stderr():
        task = _task(subjects, args.sim)
    episodes = args.episodes or subjects[0].run.config().train.eval_episodes
    if len(subjects) == 2 and episodes < LEAST_EPISODES:
        raise UsageError(f"--episodes {episodes} is too few for a comparison", mend=f"use {LEAST_EPISODES} or more")
    # All are read before the first is scored, so that a damaged one is found at once.
    policies = [NumpyPolicy.from_checkpoint(checkpoints.load(subject.checkpoint.path)) for subject in subjects]
    with prints_on_stderr():
        scores = [
            evaluate(policy, task, episodes=episodes, seed=args.seed, stream=COMMAND_STREAM) for policy in policies
        ]
    comparison = compare(*scores) if len(scores) == 2 else None
    show = _print_json if args.json else _print
    show(subjects, task, args.seed, scores, comparison)
    return 0


def _subject(token: str, args: argparse.Namespace) -> _Subject:
    from motrix_core.runs.location import runs_dir

    return _Subject(*choose_named(token, runs_dir(args.runs_dir, os.environ), args.checkpoint))


def _task(subjects: list[_Subject], sim: str | None) -> Task:
    """What all of `subjects` are scored in: what the first one trains in."""
    from motrix_core.learn.evaluation import Task

    tasks = [Task.of(subject.run.config()) for subject in subjects]
    first, last = tasks[0], tasks[-1]
    if (first.env, first.source) != (last.env, last.source):
        raise UsageError(
            f"{subjects[0].run.id} is of {_origin(first)} and {subjects[-1].run.id} of {_origin(last)}: their returns "
            "say nothing about each other",
            mend="compare runs of one environment",
        )
    task = replace(first, sim=sim or first.sim)
    if (last.sim, last.options) != (task.sim, task.options):
        _say(f"note: {subjects[-1].run.id} trains with {_conditions(last)}; scored with {_conditions(task)}")
    return task


def _origin(task: Task) -> str:
    from motrix_core.envs.source import CATALOG

    return task.env if task.source == CATALOG else f"{task.env} in {task.source}"


def _conditions(task: Task) -> str:
    options = ", ".join(f"env.{name}={value}" for name, value in task.options.items())
    return f"sim {task.sim}" + (f", {options}" if options else "")


def _print_json(
    subjects: list[_Subject], task: Task, seed: int, scores: list[Scores], comparison: Comparison | None
) -> None:
    scored = [
        {
            "run": subject.run.id,
            "checkpoint": str(subject.checkpoint.path),
            "env_steps": subject.checkpoint.env_steps,
            "best": subject.checkpoint.best,
            **score.metrics(),
        }
        for subject, score in zip(subjects, scores, strict=True)
    ]
    document: dict[str, Any] = {"env": task.env, "sim": task.sim, "seed": seed}
    if comparison is None:
        document |= scored[0]
    else:
        difference = {**asdict(comparison), "significant": comparison.significant, "better": _better(comparison)}
        document |= {"a": scored[0], "b": scored[1], "difference": difference}
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def _print(
    subjects: list[_Subject], task: Task, seed: int, scores: list[Scores], comparison: Comparison | None
) -> None:
    lines = [f"{task.env} · sim {task.sim} · {len(scores[0].returns)} episodes · seed {seed}"]
    for letter, subject, score in zip("AB", subjects, scores, strict=False):
        title = subject.name if comparison is None else f"{letter}: {subject.name}"
        lines += [title, *(f"  {line}" for line in _score_lines(score))]
    if comparison is not None:
        lines += _comparison_lines(comparison)
    _write("\n".join(lines))


def _score_lines(score: Scores) -> list[str]:
    low, high = score.returns.min(), score.returns.max()
    lines = [
        f"return          {_with_error(score.mean, score.std_error)}, from {_number(low)} to {_number(high)}",
        f"episode length  {score.lengths.mean():.1f} steps",
    ]
    if score.success_rate is not None:
        lines.append(f"success         {score.success_rate:.1%}: a return of {_number(score.success_return)} or more")
    return lines


def _comparison_lines(comparison: Comparison) -> list[str]:
    better = _better(comparison)
    verdict = f"{better.upper()} is better" if better else "no significant difference"
    reason = "leaves out" if better else "holds"
    return [
        f"B - A: {_with_error(comparison.mean, comparison.std_error)}, 95 % interval {_number(comparison.low)} to "
        f"{_number(comparison.high)}",
        f"{verdict}: the interval {reason} 0",
    ]


def _better(comparison: Comparison) -> str | None:
    if not comparison.significant:
        return None
    return "b" if comparison.mean > 0 else "a"


def _with_error(mean: float, error: float | None) -> str:
    return _number(mean) + (f" ± {_number(error)} (standard error)" if error is not None else "")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _write(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stdout.writelines(plain(line) + "\n" for line in text.split("\n"))


def _say(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + "\n")
