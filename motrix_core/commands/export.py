"""`motrix export`: a trained policy as a file that runs without this project."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.waiting import prints_on_stderr
from motrix_core.errors import CheckpointError, CheckpointNotFound, MotrixError

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.checkpoints import CheckpointInfo
    from motrix_core.runs.layout import Run

_SHOWN_STEPS = 8


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "export",
        help="write a trained policy as an ONNX file",
        description="Writes the deterministic policy of a run as one ONNX file: float32 observations (batch, obs_dim) "
        "in, actions (batch, act_dim) out, with the observation scaler and the environment's action bounds inside. "
        "Discrete actions are (batch,), int64, counted from 0, beside logits (batch, n_actions) to sample from. "
        "The file is written only if onnxruntime computes the actions of the trained policy from it.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id or an unambiguous part of it, or last")
    parser.add_argument(
        "--checkpoint", metavar="WHICH", help="best, last or a number of env steps (default: best if known, else last)"
    )
    parser.add_argument("--format", choices=("onnx",), default="onnx", help="the file's format (default: onnx)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to write it (default: ENV-ENV_STEPS.onnx in the current folder)"
    )
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")


def run(args: argparse.Namespace) -> int:
    """Prints the file's path on stdout and how exact it is on stderr."""
    # JAX would take most of a GPU's memory as soon as it starts, beside a training that needs it; read on import.
    os.environ["JAX_PLATFORMS"] = "cpu"
    from motrix_core.learn.export import SAMPLES, export_onnx
    from motrix_core.runs import checkpoints
    from motrix_core.runs.layout import find_run
    from motrix_core.runs.location import runs_dir

    found = find_run(runs_dir(args.runs_dir, os.environ), args.run)
    chosen = choose_checkpoint(found, args.checkpoint)
    path = Path(args.output or f"{found.env}-{chosen.env_steps}.onnx")
    exported = export_onnx(checkpoints.load(chosen.path), path, _action_bounds(found.config()))
    checked = ", ".join(f"{name} {error:.1e}" for name, error in exported.errors.items())
    _say(f"exported {chosen.path}")
    _say(f"largest difference of {exported.compared} over {SAMPLES} observations: {checked}")
    for note in exported.notes:
        _say(f"note: {note}")
    sys.stdout.write(f"{path}\n")
    return 0


def choose_named(token: str, runs_dir: Path, which: str | None = None) -> tuple[Run, CheckpointInfo]:
    """The run and the checkpoint that RUN, RUN@best, RUN@last or RUN@ENV_STEPS means; `which` holds for RUN alone.

    Raises:
        RunNotFound: there is no such run.
        CheckpointNotFound, CheckpointError: as `choose_checkpoint` does.
    """
    from motrix_core.runs.layout import find_run

    # Only what names a checkpoint is cut off: a folder may have an @ in its name.
    name, at, named = token.rpartition("@")
    cut = bool(at) and (named in ("best", "last") or named.replace("_", "").isdigit())
    run = find_run(runs_dir, name if cut else token)
    return run, choose_checkpoint(run, named if cut else which)


def choose_checkpoint(run: Run, which: str | None) -> CheckpointInfo:
    """The checkpoint of `run` that `which` means: "best", "last", or a number of env steps.

    None is the best one if an evaluation has chosen one, else the last that is whole.

    Raises:
        CheckpointNotFound: there is no such checkpoint; names those that there are.
        CheckpointError: there are some, and none is whole.
    """
    from motrix_core.runs import checkpoints

    listed = checkpoints.list_checkpoints(run)
    if not listed:
        torn = checkpoints.unusable(run)
        if torn and not run.state().is_live:
            _, error = torn[-1]
            raise CheckpointError(
                f"run {run.id} has no whole checkpoint: {error.message}",
                mend=f"motrix run --config {run.paths.config} trains it anew",
            ) from error
        raise CheckpointNotFound(
            f"run {run.id} has no checkpoint yet", mend="wait for the first, or train it longer; motrix runs list"
        )
    best = next((info for info in listed if info.best), None)
    if which == "best" and best is None:
        raise CheckpointNotFound(
            f"run {run.id} has no best checkpoint: none was evaluated", mend="use --checkpoint last"
        )
    if which in (None, "best") and best is not None:
        return best
    if which in (None, "last"):
        newest = checkpoints.newest_valid(run)
        if newest is None:
            raise CheckpointError(f"all {len(listed)} checkpoints of run {run.id} are damaged")
        return newest
    steps = [str(info.env_steps) for info in listed]
    digits = (which or "").replace("_", "").removeprefix("step")
    if digits not in steps:
        raise CheckpointNotFound(
            f"run {run.id} has no checkpoint {which!r:.80}",
            mend=f"use best, last, or one of {', '.join(steps[-_SHOWN_STEPS:])}",
        )
    return listed[steps.index(digits)]


def _action_bounds(config: RunConfig) -> tuple[float, float] | None:
    from motrix_core.envs.registry import find_spec
    from motrix_core.envs.source import EnvSource

    try:
        with prints_on_stderr():
            spec = find_spec(config.env, EnvSource.of(config), config.env_options)
    except MotrixError:
        # The environment was a plugin that is gone or broken: its policy can be exported all the same, with a note.
        return None
    return spec.act_low, spec.act_high


def _say(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + "\n")
