"""What a run is made of: `BaseRLCfg`, `PPOCfg`, `TrainCfg`, `RunConfig`.

These models are the one source of the forms, the command line's `--set`, `config.json`, validation and
`docs/configuration.md`: title, help, unit, bounds, choices and group belong to the field (see `setting.py`).
The models take typed values only; text from people is read by `motrix_core.config.text` first, so that
"10M" means the same in a form, in a file and on the command line.

Hyperparameters keep MotrixLab's names and defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from motrix_core.config import rules
from motrix_core.config.setting import (
    Flag,
    LayerSizes,
    OptionalPath,
    OptionValue,
    Real,
    Whole,
    check_env_options,
    path_setting,
    setting,
)
from motrix_core.envs.names import check_env_name

Backend = Literal["jax", "torch"]
BackendChoice = Literal["auto", "jax", "torch"]
SimChoice = Literal["auto", "motrixsim", "mujoco", "none"]
Engine = Literal["fused", "stock"]
Device = Literal["auto", "cpu", "gpu"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class BaseRLCfg(_Model):
    """What every learning algorithm needs: the seed, the number of environments, the budget."""

    seed: Whole | None = setting(
        None,
        title="Seed",
        help="Feeds initial weights, resets, action noise and mini-batch order. Random draws a new one for "
        "every run and records it.",
        group="Budget",
        lower=0,
        upper=2**32 - 1,
        none_text="random",
    )
    num_envs: Whole = setting(
        2048,
        title="Environments",
        help="Environments stepped side by side. More give smoother gradients and use the machine better, "
        "at fewer updates for the same budget.",
        group="Budget",
        unit="environments",
        lower=1,
        upper=1_048_576,
    )
    play_num_envs: Whole = setting(
        16,
        title="Environments at play",
        help="Environments shown side by side when a policy is played.",
        group="Run",
        unit="environments",
        lower=1,
        upper=4096,
        advanced=True,
    )
    max_env_steps: Whole = setting(
        20_480_000,
        title="Step budget",
        help="Environment steps to train for, over all environments together. Rounded up to whole updates.",
        group="Budget",
        unit="env steps",
        lower=1,
        upper=10**12,
    )
    check_point_interval: Whole = setting(
        1000,
        title="Checkpoint interval",
        help="A checkpoint is written every so many batched steps (one step of all environments), at the end "
        "of the update; the last update always writes one.",
        group="Run",
        unit="batched steps",
        lower=1,
        upper=10**9,
    )


class PPOCfg(BaseRLCfg):
    """Proximal Policy Optimization (Schulman et al., 2017, arXiv:1707.06347), as skrl implements it."""

    policy_hidden_layer_sizes: LayerSizes = setting(
        (256, 128, 64),
        title="Policy network",
        help="Sizes of the policy's hidden layers, from the observation on; ELU between them.",
        group="Network",
        unit="units per layer",
        lower=1,
        upper=16_384,
    )
    value_hidden_layer_sizes: LayerSizes = setting(
        (256, 128, 64),
        title="Value network",
        help="Sizes of the value function's hidden layers; ELU between them.",
        group="Network",
        unit="units per layer",
        lower=1,
        upper=16_384,
    )
    share_policy_value_features: Flag = setting(
        True,
        title="Shared trunk",
        help="Policy and value use the same hidden layers: faster, but their gradients compete. Needs equal "
        "layer sizes.",
        group="Network",
    )
    rollouts: Whole = setting(
        32,
        title="Rollout length",
        help="Steps of every environment between two updates. Longer rollouts see delayed rewards, shorter "
        "ones update more often.",
        group="Rollout",
        unit="batched steps",
        lower=1,
        upper=16_384,
    )
    learning_epochs: Whole = setting(
        2,
        title="Epochs",
        help="How often an update goes through its samples. More epochs learn more from each sample until "
        "the policy has moved too far from the one that collected them (watch the KL).",
        group="Optimise",
        unit="epochs per update",
        lower=1,
        upper=1000,
    )
    mini_batches: Whole = setting(
        32,
        title="Mini-batches",
        help="Equal parts that an epoch is cut into, one gradient step each. Must divide rollouts*num_envs.",
        group="Optimise",
        unit="per epoch",
        lower=1,
        upper=1_048_576,
    )
    discount_factor: Real = setting(
        0.99,
        title="Discount factor (gamma)",
        help="Weight of the next step's return. 1/(1-gamma) is about how many steps ahead the policy looks.",
        group="Rollout",
        lower=0.0,
        upper=1.0,
    )
    lambda_param: Real = setting(
        0.95,
        title="GAE lambda",
        help="Between one-step advantages (0: low variance, biased by the value function) and Monte Carlo "
        "advantages (1: unbiased, noisy).",
        group="Rollout",
        lower=0.0,
        upper=1.0,
    )
    learning_rate: Real = setting(
        1e-3,
        title="Learning rate",
        help="Adam's step size at the start; the KL-adaptive schedule moves it from there.",
        group="Optimise",
        lower=1e-9,
        upper=1.0,
    )
    learning_rate_scheduler_kl_threshold: Real = setting(
        0.008,
        title="Learning rate's KL target",
        help="The learning rate shrinks when an update's KL divergence is above twice this and grows when "
        "below half of it. 0 keeps the learning rate constant.",
        group="Optimise",
        unit="nats",
        lower=0.0,
        upper=10.0,
    )
    random_timesteps: Whole = setting(
        0,
        title="Random steps",
        help="Kept for MotrixLab's configurations: steps of random actions before the policy acts.",
        group="Rollout",
        unit="batched steps",
        lower=0,
        upper=0,
        advanced=True,
        only="skrl's PPO acts with its policy from the first step on",
    )
    learning_starts: Whole = setting(
        0,
        title="Learning starts",
        help="Kept for MotrixLab's configurations: steps before the first update.",
        group="Rollout",
        unit="batched steps",
        lower=0,
        upper=0,
        advanced=True,
        only="skrl's PPO learns from the first rollout on",
    )
    grad_norm_clip: Real = setting(
        1.0,
        title="Gradient norm clip",
        help="Longest gradient that a step may follow; longer ones are scaled down. 0 clips nothing.",
        group="Optimise",
        lower=0.0,
        upper=1e6,
    )
    time_limit_bootstrap: Flag = setting(
        True,
        title="Bootstrap at time limits",
        help="An episode cut by its time limit is credited with the value of the state it was cut in, since "
        "it did not fail there.",
        group="Rollout",
    )
    ratio_clip: Real = setting(
        0.2,
        title="Ratio clip",
        help="PPO's epsilon: how far an action's probability may move from the rollout's before its gradient "
        "is cut off.",
        group="Loss",
        lower=1e-3,
        upper=1.0,
    )
    value_clip: Real = setting(
        0.2,
        title="Value clip",
        help="How far a predicted value may move from the rollout's in one update, if predicted values are clipped.",
        group="Loss",
        lower=0.0,
        upper=1e6,
    )
    clip_predicted_values: Flag = setting(
        True,
        title="Clip predicted values",
        help="Limits each update's change of the value function by the value clip.",
        group="Loss",
    )
    entropy_loss_scale: Real = setting(
        0.0,
        title="Entropy bonus",
        help="Reward for keeping the policy random. Raise it when exploration dies too early; 0 is none.",
        group="Loss",
        lower=0.0,
        upper=10.0,
    )
    value_loss_scale: Real = setting(
        2.0,
        title="Value loss scale",
        help="Weight of the value function's loss against the policy's.",
        group="Loss",
        lower=0.0,
        upper=1000.0,
    )
    kl_threshold: Real = setting(
        0.0,
        title="KL early stop",
        help="An epoch is left when the KL divergence from the rollout's policy passes this. 0 never stops.",
        group="Optimise",
        unit="nats",
        lower=0.0,
        upper=100.0,
    )
    rewards_shaper_scale: Real = setting(
        1.0,
        title="Reward scale",
        help="Rewards are multiplied by this for learning. Displayed returns are not.",
        group="Rollout",
        lower=1e-9,
        upper=1e9,
    )

    @model_validator(mode="after")
    def _cross_field_rules(self) -> PPOCfg:
        problems = rules.check({f"ppo.{name}": getattr(self, name) for name in type(self).model_fields})
        if problems:
            raise ValueError("; ".join(str(problem) for problem in problems))
        return self


class TrainCfg(_Model):
    """How the trainer runs; nothing here changes what an update means."""

    engine: Engine = setting(
        "fused",
        title="Engine",
        help="The implementation of acting and updating. fused is the project's own: faster, the same on both "
        "backends, resumed to the bit. stock is skrl's, untouched.",
        group="Run",
    )
    device: Device = setting(
        "auto",
        title="Device",
        help="Where the networks live. auto takes a GPU if the backend can use one.",
        group="Run",
    )
    threads: Whole = setting(
        0,
        title="Threads",
        help="CPU threads for the simulator, and as many for the networks. 0 lets the simulator and the backend "
        "choose: one for each core that the process may use.",
        group="Run",
        unit="threads",
        lower=0,
        upper=1024,
    )
    keep_checkpoints: Whole = setting(
        3,
        title="Checkpoints kept",
        help="The newest so many are kept, besides the best one and those that were pinned.",
        group="Run",
        unit="checkpoints",
        lower=1,
        upper=100_000,
    )
    eval_every_updates: Whole | None = setting(
        None,
        title="Evaluation interval",
        help="The policy is evaluated without noise every so many updates, and at the end; each time a checkpoint is "
        "written, and the one that scores highest is the best. Automatic costs about 3 % of training. 0 never "
        "evaluates.",
        group="Run",
        unit="updates",
        lower=0,
        upper=10**9,
        none_text="automatic",
    )
    eval_episodes: Whole = setting(
        64,
        title="Evaluation episodes",
        help="Episodes of an evaluation, in as many environments. More give a smaller standard error.",
        group="Run",
        unit="episodes",
        lower=1,
        upper=65_536,
    )
    tensorboard: Flag = setting(
        True,
        title="TensorBoard mirror",
        help="Also writes the metrics to tb/ with skrl's tag names.",
        group="Run",
    )
    render: Flag = setting(
        False,
        title="Render",
        help="Shows environment 0 in the simulator's own window while training. Needs a display; closing the window "
        "does not end training.",
        group="Run",
    )


class RunConfig(_Model):
    """All that decides what a run does. Saved as `config.json`, never rewritten."""

    env: Annotated[str, AfterValidator(check_env_name)] = Field(
        title="Environment", description="The environment to train in; `motrix envs` lists them."
    )
    backend: BackendChoice = setting(
        "auto",
        title="Backend",
        help="What the networks run on. auto takes JAX on a GPU, PyTorch on a GPU, JAX on the CPU, PyTorch "
        "on the CPU, whichever comes first.",
        group="Run",
    )
    sim: SimChoice = setting(
        "auto",
        title="Simulator",
        help="The physics engine. auto takes the first that is installed and that the environment runs on; "
        "none is for environments without physics engine.",
        group="Run",
    )
    env_module: OptionalPath = path_setting(
        "Environment file", "A Python file of your own that the environment is in, as --env-module gives it."
    )
    env_path: OptionalPath = path_setting(
        "MotrixLab folder",
        "The motrix_envs/src of a MotrixLab-S1 checkout that the environment is in, as --env-path gives it.",
    )
    init_from: OptionalPath = path_setting(
        "Start from",
        "The folder of a checkpoint whose networks and scalers training starts with, as --init-from gives it.",
    )
    ppo: PPOCfg = Field(default_factory=PPOCfg, title="PPO")
    train: TrainCfg = Field(default_factory=TrainCfg, title="Training")
    env_options: Annotated[dict[str, OptionValue], AfterValidator(check_env_options)] = Field(
        default_factory=dict,
        title="Environment options",
        description="Options of the environment itself, as `--set env.NAME=VALUE` gives them.",
    )
