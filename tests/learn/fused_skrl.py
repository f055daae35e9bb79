"""skrl's own PyTorch PPO, driven over a given rollout in a given order: what the fused engine is compared with."""

from __future__ import annotations

import gymnasium
import numpy as np
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.memories.torch import RandomMemory
from skrl.resources.preprocessors.torch import RunningStandardScaler
from skrl.resources.schedulers.torch import KLAdaptiveLR

from motrix_core.learn.algorithm import PPOHyperparameters
from motrix_core.learn.rollout import RolloutBatch
from motrix_core.learn.spec import AgentState, ModelSpec, adam_arrays, scaler_arrays
from motrix_core.learn.torch.models import build_models, get_parameters, named_parameters, set_parameters


class OrderedMemory(RandomMemory):
    """skrl's memory with `torch.randperm` replaced by the rows of `permutations`, one per call."""

    permutations: list[np.ndarray]

    def sample(self, names, *, batch_size, mini_batches=1, sequence_length=1):
        order = torch.from_numpy(self.permutations.pop(0).astype(np.int64))
        return self.sample_by_index(names=names, indexes=order, mini_batches=mini_batches)


def make_agent(spec: ModelSpec, hyper: PPOHyperparameters, state: AgentState, steps: int, num_envs: int) -> PPO:
    """skrl's agent, set to `state`."""
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (spec.obs_dim,))
    action_space = gymnasium.spaces.Box(-1, 1, (spec.act_dim,))
    if spec.discrete:
        action_space = gymnasium.spaces.Discrete(spec.n_actions)
    spaces = {"observation_space": observation_space, "action_space": action_space, "device": "cpu"}
    models = build_models(spec, spaces)
    adaptive = hyper.learning_rate_scheduler_kl_threshold > 0
    cfg = PPO_CFG(
        rollouts=steps,
        learning_epochs=hyper.learning_epochs,
        mini_batches=hyper.mini_batches,
        discount_factor=hyper.discount_factor,
        gae_lambda=hyper.lambda_param,
        learning_rate=state.learning_rate,
        learning_rate_scheduler=KLAdaptiveLR if adaptive else None,
        learning_rate_scheduler_kwargs={"kl_threshold": hyper.learning_rate_scheduler_kl_threshold} if adaptive else {},
        observation_preprocessor=RunningStandardScaler,
        observation_preprocessor_kwargs={"size": observation_space, "device": "cpu"},
        value_preprocessor=RunningStandardScaler,
        value_preprocessor_kwargs={"size": 1, "device": "cpu"},
        grad_norm_clip=hyper.grad_norm_clip,
        ratio_clip=hyper.ratio_clip,
        value_clip=hyper.value_clip if hyper.clip_predicted_values else 0.0,
        entropy_loss_scale=hyper.entropy_loss_scale,
        value_loss_scale=hyper.value_loss_scale,
        kl_threshold=hyper.kl_threshold,
        time_limit_bootstrap=hyper.time_limit_bootstrap,
        rewards_shaper=lambda rewards, *_: rewards * hyper.rewards_shaper_scale,
    )
    cfg.experiment.write_interval = 0
    cfg.experiment.checkpoint_interval = 0
    memory = OrderedMemory(memory_size=steps, num_envs=num_envs, device="cpu")
    agent = PPO(models=models, memory=memory, cfg=cfg, **spaces)
    agent.init()
    load(agent, spec, state)
    return agent


def load(agent: PPO, spec: ModelSpec, state: AgentState) -> None:
    set_parameters(agent.models, spec, state.arrays)
    for name, parameter in named_parameters(agent.models).items():
        agent.optimizer.state[parameter] = {
            "step": torch.tensor(float(state.arrays["adam.step"])),
            "exp_avg": torch.tensor(state.arrays[f"adam.m.{name}"]),
            "exp_avg_sq": torch.tensor(state.arrays[f"adam.v.{name}"]),
        }
    for name, scaler in scalers(agent).items():
        scaler.running_mean = torch.tensor(state.arrays[f"scaler.{name}.mean"], dtype=torch.float64)
        scaler.running_variance = torch.tensor(state.arrays[f"scaler.{name}.variance"], dtype=torch.float64)
        scaler.current_count = torch.tensor(state.arrays[f"scaler.{name}.count"], dtype=torch.float64)


def scalers(agent: PPO) -> dict[str, RunningStandardScaler]:
    return {"observation": agent._observation_preprocessor, "value": agent._value_preprocessor}


def state_of(agent: PPO, spec: ModelSpec) -> AgentState:
    arrays = get_parameters(agent.models, spec)
    adam = {name: agent.optimizer.state[parameter] for name, parameter in named_parameters(agent.models).items()}
    m, v = ({name: entry[key].numpy() for name, entry in adam.items()} for key in ("exp_avg", "exp_avg_sq"))
    arrays.update(adam_arrays(m, v, int(next(iter(adam.values()))["step"])))
    for name, scaler in scalers(agent).items():
        arrays.update(scaler_arrays(name, scaler.running_mean, scaler.running_variance, scaler.current_count))
    return AgentState(arrays, agent.optimizer.param_groups[0]["lr"])


def record(agent: PPO, rollout: RolloutBatch, *, time_limit_terminates: bool = False) -> None:
    """Fill the agent's memory through its own `record_transition`, as skrl's trainer would.

    skrl reads a truncated episode's value from `next_observations`, which are given the observation that it ended in.
    The rollout's log probabilities are kept instead of those of the actions that skrl would have sampled.
    """
    length = len(rollout.rewards)
    following = np.concatenate((rollout.obs[1:], rollout.next_obs[None]))
    following.reshape(-1, following.shape[-1])[rollout.final_index] = rollout.final_obs
    terminated = rollout.terminated | rollout.truncated if time_limit_terminates else rollout.terminated
    agent.enable_training_mode(True)
    for step in range(length):
        obs = torch.tensor(rollout.obs[step])
        with torch.no_grad():
            agent.act(obs, None, timestep=step, timesteps=length)
        agent._current_log_prob = torch.tensor(rollout.log_prob[step]).unsqueeze(1)
        agent.record_transition(
            observations=obs,
            states=None,
            actions=torch.tensor(rollout.actions[step]),
            rewards=torch.tensor(rollout.rewards[step]).unsqueeze(1),
            next_observations=torch.tensor(following[step]),
            next_states=None,
            terminated=torch.tensor(terminated[step]).unsqueeze(1),
            truncated=torch.tensor(rollout.truncated[step]).unsqueeze(1),
            infos={},
            timestep=step,
            timesteps=length,
        )
    agent._current_next_observations = torch.tensor(rollout.next_obs)


def update(agent: PPO, permutations: np.ndarray) -> None:
    agent.memory.permutations = list(permutations)
    agent.enable_models_training_mode(True)
    agent.update(timestep=0, timesteps=1)
    agent.enable_models_training_mode(False)
