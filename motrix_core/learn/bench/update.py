"""Learning without physics: the fused engine against skrl's own PPO, on one backend or both, in one run.

python -m motrix_core.learn.bench.update [--backend torch|jax] [--case NAME] [--rounds N] [--json]

A round is what learning does for one rollout: act and record at every step, then update, on random observations and
rewards. Both engines take turns, so that whatever else the machine does falls on both. Ratios are medians over rounds
of stock's time by fused's.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from motrix_core.bench.common import median, spread, table
from motrix_core.child import module_command
from motrix_core.config.schema import PPOCfg
from motrix_core.learn.algorithm import PPOHyperparameters, draw_permutations
from motrix_core.learn.bench.skrl_agent import skrl_agent
from motrix_core.learn.rollout import Rollout
from motrix_core.learn.spec import AgentState, ModelSpec, init_parameters, model_spec, required_shapes

BACKENDS = ("torch", "jax")


@dataclass(frozen=True)
class Case:
    """Sizes of a task and of its update; N is 2048."""

    obs_dim: int
    act_dim: int
    hidden: tuple[int, ...]
    rollouts: int
    learning_epochs: int
    mini_batches: int
    shared: bool = True

    def ppo(self) -> PPOCfg:
        return PPOCfg(
            num_envs=2048,
            policy_hidden_layer_sizes=self.hidden,
            value_hidden_layer_sizes=self.hidden,
            share_policy_value_features=self.shared,
            rollouts=self.rollouts,
            learning_epochs=self.learning_epochs,
            mini_batches=self.mini_batches,
            learning_rate=2e-4,
        )


CASES = {
    "cartpole": Case(4, 1, (32, 32), 32, 5, 4),
    "walker-4": Case(22, 6, (256, 128, 64), 24, 4, 4),
    "walker-32": Case(22, 6, (256, 128, 64), 24, 4, 32),
    "quadruped": Case(48, 12, (512, 256, 128), 24, 5, 3, shared=False),
}
Round = Callable[[], tuple[float, float]]
"""Does a round; seconds of acting and recording, and seconds of updating."""


class Data:
    """One rollout's observations, rewards and ends, the same for both engines."""

    def __init__(self, case: Case, ppo: PPOCfg) -> None:
        rng = np.random.default_rng(0)
        length, num_envs = ppo.rollouts, ppo.num_envs
        self.obs = rng.standard_normal((length + 1, num_envs, case.obs_dim), np.float32)
        self.rewards = rng.standard_normal((length, num_envs), np.float32)
        ends = rng.uniform(size=(length, num_envs))
        self.terminated, self.truncated = ends < 0.002, ends > 0.998
        self.noise = rng.standard_normal((num_envs, case.act_dim), np.float32)


def fused_round(backend: str, spec: ModelSpec, ppo: PPOCfg, data: Data, threads: int) -> Round:
    rng = np.random.Generator(np.random.Philox(0))
    arrays = {name: np.zeros(shape, np.float32) for name, shape in required_shapes(spec).items()}
    arrays.update(init_parameters(spec, rng))
    for name in ("observation", "value"):
        arrays[f"scaler.{name}.variance"] += 1
        arrays[f"scaler.{name}.count"] = np.ones(())
    module = importlib.import_module(f"motrix_core.learn.{backend}.fused")
    options = {"threads": threads} if backend == "torch" else {}
    hyper = PPOHyperparameters.of(ppo)
    engine = module.FusedPPO(spec, hyper, AgentState(arrays, ppo.learning_rate), **options)
    rollout = Rollout(ppo.rollouts, ppo.num_envs, spec.obs_dim, spec.act_dim)

    def play() -> tuple[float, float]:
        start = time.perf_counter()
        for step in range(ppo.rollouts):
            actions, log_prob = engine.act(data.obs[step], data.noise)
            ends = data.terminated[step], data.truncated[step]
            rollout.record(data.obs[step], actions, log_prob, data.rewards[step], *ends, data.obs[step + 1])
        acted = time.perf_counter()
        order = draw_permutations(rng, hyper.learning_epochs, ppo.rollouts * ppo.num_envs)
        engine.update(rollout.finish(data.obs[-1]), order)
        return acted - start, time.perf_counter() - acted

    return play


def stock_round(backend: str, spec: ModelSpec, ppo: PPOCfg, data: Data) -> Round:
    agent, to_device, wait, no_gradient = stock_agent(backend, spec, ppo)

    def act() -> None:
        for step in range(ppo.rollouts):
            timing = {"timestep": step, "timesteps": ppo.rollouts}
            obs = to_device(data.obs[step])
            actions, _ = agent.act(obs, None, **timing)
            np.asarray(actions.detach() if backend == "torch" else actions)
            agent.record_transition(
                observations=obs,
                states=None,
                actions=actions,
                rewards=to_device(data.rewards[step][:, None].copy()),
                next_observations=to_device(data.obs[step + 1]),
                next_states=None,
                terminated=to_device(data.terminated[step][:, None]),
                truncated=to_device(data.truncated[step][:, None]),
                infos={},
                **timing,
            )

    def play() -> tuple[float, float]:
        start = time.perf_counter()
        with no_gradient():
            act()
        wait(agent)
        acted = time.perf_counter()
        agent.enable_models_training_mode(True)
        agent.update(timestep=0, timesteps=1)
        agent.enable_models_training_mode(False)
        wait(agent)
        return acted - start, time.perf_counter() - acted

    return play


def stock_agent(backend: str, spec: ModelSpec, ppo: PPOCfg) -> tuple[Any, Callable, Callable, Callable]:
    """skrl's own agent, how it takes arrays, how to wait for what it has begun, and what skrl's trainer acts in."""

    spaces = {**box_spaces(spec), "device": "cpu"}
    if backend == "jax":
        import jax

        spaces["device"] = jax.devices("cpu")[0]
        to_device, no_gradient = jax.numpy.asarray, contextlib.nullcontext

        def wait(agent: Any) -> None:
            jax.block_until_ready([model.state_dict.params for model in agent.models.values()])
    else:
        import torch

        to_device, no_gradient = torch.from_numpy, torch.no_grad

        def wait(agent: Any) -> None:
            pass

    agent = skrl_agent(backend, spec, ppo, spaces)
    agent.init()
    agent.enable_training_mode(True)
    return agent, to_device, wait, no_gradient


def box_spaces(spec: ModelSpec) -> dict[str, gymnasium.Space]:
    return {
        "observation_space": gymnasium.spaces.Box(-np.inf, np.inf, (spec.obs_dim,)),
        "action_space": gymnasium.spaces.Box(-1, 1, (spec.act_dim,)),
    }


def measure(backend: str, name: str, rounds: int, threads: int) -> dict[str, Any]:
    """Milliseconds of each round's acting and updating, per engine, after a round that warms both up."""
    case = CASES[name]
    ppo = case.ppo()
    spec = model_spec(ppo, *box_spaces(ModelSpec(case.obs_dim, case.act_dim, (), (), False)).values())
    data = Data(case, ppo)
    engines = {
        "stock": stock_round(backend, spec, ppo, data),
        "fused": fused_round(backend, spec, ppo, data, threads),
    }
    times: dict[str, Any] = {engine: {"act": [], "update": []} for engine in engines}
    first: dict[str, float] = {}
    for number in range(rounds + 1):
        for engine, play in engines.items():
            start = time.perf_counter()
            acted, updated = play()
            if number == 0:
                first[engine] = time.perf_counter() - start
                continue
            times[engine]["act"].append(1e3 * acted)
            times[engine]["update"].append(1e3 * updated)
    return {"backend": backend, "case": name, "first_round_s": first, "ms": times}


def ratio(ms: dict[str, Any], *phases: str) -> float:
    """The median over rounds of stock's time by fused's."""
    totals = {engine: np.sum([times[phase] for phase in phases], 0) for engine, times in ms.items()}
    return float(np.median(totals["stock"] / totals["fused"]))


def row(result: dict[str, Any]) -> list[str]:
    ms = result["ms"]
    cells = [result["backend"], result["case"]]
    cells += [spread(ms[engine][phase]) for phase in ("update", "act") for engine in ("stock", "fused")]
    cells += [f"{ratio(ms, 'update'):.2f}", f"{ratio(ms, 'update', 'act'):.2f}"]
    if result["backend"] == "torch":
        return [*cells, "none"]
    compiling = result["first_round_s"]["fused"] - 1e-3 * (median(ms["fused"]["update"]) + median(ms["fused"]["act"]))
    return [*cells, f"{compiling:.1f}"]


HEAD = (
    "backend",
    "case",
    "update, stock (ms)",
    "update, fused (ms)",
    "acting, stock (ms)",
    "acting, fused (ms)",
    "update ratio",
    "learning ratio",
    "fused compiles in (s, act included)",
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m motrix_core.learn.bench.update", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="default: both")
    parser.add_argument("--case", choices=tuple(CASES), action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for fused on PyTorch")
    parser.add_argument("--json", action="store_true", help="the raw times instead of a table")
    args = parser.parse_args(argv)
    if args.json and len(args.backend or ()) == 1 and len(args.case or ()) == 1:
        _say(json.dumps(measure(args.backend[0], args.case[0], args.rounds, args.threads)))
        return 0
    results = []
    for backend in args.backend or BACKENDS:
        for name in args.case or CASES:
            # A process each, because threads of one backend spin while the other works.
            arguments = ["--json", "--backend", backend, "--case", name]
            arguments += ["--rounds", str(args.rounds), "--threads", str(args.threads)]
            command = module_command("motrix_core.learn.bench.update", *arguments)
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    _say(json.dumps(results) if args.json else table(HEAD, map(row, results)))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
