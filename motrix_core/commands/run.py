"""`motrix run`, which is also `motrix-tui --run`: train without a screen."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.own_env import add_source_flags, only_name, try_out
from motrix_core.commands.waiting import waiting_for
from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help="train a policy, without the dashboard",
        description="Train a policy as a supervised run. Ctrl-C stops it after a final checkpoint (exit code 130).",
    )
    parser.add_argument("--env", help="what to train on; motrix envs lists them, gym:ID is one of Gymnasium's")
    add_source_flags(parser)
    parser.add_argument(
        "--backend", "--train-backend", metavar="auto|jax|torch", help="learning backend (default: automatic)"
    )
    parser.add_argument(
        "--sim", "--sim-backend", metavar="auto|motrixsim|mujoco|none", help="physics engine (default: automatic)"
    )
    parser.add_argument("--num-envs", metavar="N", help="environments stepped side by side")
    seed = parser.add_mutually_exclusive_group()
    seed.add_argument("--seed", metavar="N", help="seed of every random number of the run")
    seed.add_argument("--rand-seed", action="store_true", help="draw a seed, even if the configuration names one")
    parser.add_argument("--max-env-steps", metavar="N", help="budget; 10M and 3e6 are accepted")
    parser.add_argument(
        "--set",
        dest="sets",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any configuration value, say ppo.learning_rate=3e-4; may be repeated; motrix config show lists the keys",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="a .toml file, or a run's config.json")
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="continue a run from its newest checkpoint, in its own folder; --backend continues it on another backend, "
        "--max-env-steps sets the new total",
    )
    parser.add_argument(
        "--render", action="store_true", help="show environment 0 in the simulator's own window while training"
    )
    parser.add_argument(
        "--init-from",
        metavar="CKPT|RUN",
        help="start a new run with the networks and scalers of a checkpoint's folder, or of a run (RUN@best, RUN@last "
        "or RUN@ENV_STEPS; default: its best, else its last)",
    )
    parser.add_argument("--detach", action="store_true", help="start it, print its folder and return at once")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="stdout has one JSON event per line and nothing else")
    output.add_argument("--quiet", action="store_true", help="no progress; stdout has the run's folder")


def run(args: argparse.Namespace) -> int:
    started, since = _start(args) if args.resume is None else _continue(args)
    if args.detach:
        sys.stdout.write(f"{started.path}\n")
        if not args.quiet:
            sys.stderr.write(f"training goes on in the background; motrix runs stop {started.id} stops it\n")
        return 0
    from motrix_core.commands.follow import follow

    style = "json" if args.json else "quiet" if args.quiet else "auto"
    return follow(started, style=style, since=since)


def _start(args: argparse.Namespace) -> tuple[Run, int]:
    """A new run, started, and where in its events to begin."""
    from motrix_core.process.launch import launch
    from motrix_core.runs.layout import create_run
    from motrix_core.runs.location import runs_dir

    config, extra = resolve(args)
    created = create_run(config, runs_dir(args.runs_dir, os.environ), extra=extra)
    launch(created)
    return created, 0


def _continue(args: argparse.Namespace) -> tuple[Run, int]:
    """The run that `--resume` names, going on, and where in its events that begins."""
    from motrix_core.commands.resume import plan
    from motrix_core.process.launch import launch

    found, continuation = plan(args, flag_values(args))
    if not args.quiet:
        sys.stderr.write(f"motrix: {continuation.note}\n")
    since = found.paths.events.stat().st_size if found.paths.events.exists() else 0
    launch(found, backend=continuation.backend, max_env_steps=continuation.max_env_steps)
    return found, since


def flag_values(args: argparse.Namespace) -> dict[str, Any]:
    """The flags that were given, by configuration path."""
    given = {
        "env": args.env,
        "env_module": args.env_module,
        "env_path": args.env_path,
        "backend": args.backend,
        "sim": args.sim,
        "ppo.num_envs": args.num_envs,
        "ppo.seed": args.seed,
        "ppo.max_env_steps": args.max_env_steps,
    }
    values = {path: value for path, value in given.items() if value is not None}
    if args.rand_seed:
        values["ppo.seed"] = None
    if args.render:
        values["train.render"] = True
    if args.init_from is not None:
        values["init_from"] = _initial(args)
    return values


def _initial(args: argparse.Namespace) -> str:
    from motrix_core.commands.init_from import find_initial
    from motrix_core.runs.location import runs_dir

    return str(find_initial(args.init_from, runs_dir(args.runs_dir, os.environ)))


def resolve(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The validated RunConfig with backend and simulator chosen, and what else config.json records.

    Raises UnknownName, ConfigError, BackendUnusable, NoUsableBackend, SimulatorUnusable, MissingExtra, or
    EnvironmentFailed for an environment that somebody brought and that does not work, all before anything is written.
    """
    from motrix_core.commands.init_from import check_initial
    from motrix_core.config.sources import ConfigSources
    from motrix_core.envs.catalog import catalog
    from motrix_core.envs.registry import check_options, find_spec, names_of
    from motrix_core.hardware.inventory import inventory
    from motrix_core.hardware.select import check_sim, select_backend, select_sim
    from motrix_core.view.window import check_window

    sources = ConfigSources(file=args.config, sets=args.sets, flags=flag_values(args), environ=os.environ)
    env = sources.wanted("env") or only_name(sources.source)
    if env is None:
        names = sorted(names_of(sources.source) or catalog())
        raise UsageError("no environment given", mend=f"type --env NAME, one of: {', '.join(names)}")
    with waiting_for(env):
        spec = find_spec(env, sources.source, sources.env_options)
    if not spec.sims:
        # The variable says which engine a person prefers; it is no reason to refuse an environment without one.
        sources = replace(sources, environ={name: text for name, text in os.environ.items() if name != "MOTRIX_SIM"})
    sim = select_sim(sources.wanted("sim") or "auto", spec.sims)
    check_options(spec, sources.env_options)
    if sources.given().get("train.render"):
        check_window(env, sim.backend)
    # Everything that can be wrong with the configuration is said before seconds are spent on probing a backend.
    wanted = sources.wanted("backend") or "auto"
    if wanted == "auto":
        sources.build(env, "jax")
    # Side by side, so that asking the simulator takes no longer than asking the backend alone.
    selection = select_backend(wanted, beside=() if sim.backend == "none" else (sim.backend,))
    if sim.backend in selection.probes:
        check_sim(selection.probes[sim.backend], spec.sims)
    effective = sources.build(env, selection.backend)
    check_initial(effective.config, spec)
    with waiting_for(f"{env} to be made, reset and stepped once"):
        try_out(spec, sim.backend, effective.config.env_options, sources.source)
    config = effective.config.model_copy(update={"backend": selection.backend, "sim": sim.backend})
    extra = {
        "hardware": inventory().to_json(),
        "selection": {"backend": selection.reason, "sim": sim.reason},
        "sources": effective.sources,
    }
    return config, extra
