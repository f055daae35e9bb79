"""What both backends agree on: sizes, names and first values of parameters, and an agent's portable state.

Names of parameters, weights always `(out, in)`:

    policy.layers.N.{weight,bias}   value.layers.N.{weight,bias}     separate networks
    trunk.layers.N.{weight,bias}                                     instead of both, with a shared trunk
    policy.mean.{weight,bias}   policy.log_std                       where actions are numbers
    policy.logits.{weight,bias}                                      where they are choices
    value.out.{weight,bias}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from motrix_core.config.schema import PPOCfg
from motrix_core.errors import CheckpointError, EnvironmentFailed

Arrays = dict[str, np.ndarray]

SCALERS = ("observation", "value")


@dataclass(frozen=True)
class ModelSpec:
    """Sizes of a policy and a deterministic value function with ELU between their layers.

    The policy is Gaussian over `act_dim` numbers, or, where `n_actions` is not None, categorical over that many
    choices; an action is then a single number, so `act_dim` is 1.
    """

    obs_dim: int
    act_dim: int
    policy_hidden: tuple[int, ...]
    value_hidden: tuple[int, ...]
    shared: bool
    n_actions: int | None = None

    @property
    def discrete(self) -> bool:
        return self.n_actions is not None

    @property
    def policy_outputs(self) -> int:
        """Numbers that the policy's last layer gives: the means, or a logit for each choice."""
        return self.act_dim if self.n_actions is None else self.n_actions

    @property
    def policy_head(self) -> str:
        """The name of the policy's last layer."""
        return "policy.logits" if self.discrete else "policy.mean"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every parameter, in the order in which they are drawn and stored."""
        shapes: dict[str, tuple[int, ...]] = {}

        def linear(name: str, inputs: int, outputs: int) -> None:
            shapes[f"{name}.weight"] = (outputs, inputs)
            shapes[f"{name}.bias"] = (outputs,)

        def stack(name: str, hidden: tuple[int, ...]) -> None:
            for index, (inputs, outputs) in enumerate(zip((self.obs_dim, *hidden), hidden, strict=False)):
                linear(f"{name}.layers.{index}", inputs, outputs)

        stack("trunk" if self.shared else "policy", self.policy_hidden)
        linear(self.policy_head, self.policy_hidden[-1], self.policy_outputs)
        if not self.discrete:
            shapes["policy.log_std"] = (self.act_dim,)
        if not self.shared:
            stack("value", self.value_hidden)
        linear("value.out", self.value_hidden[-1], 1)
        return shapes


def model_spec(ppo: PPOCfg, observation_space: object, action_space: object) -> ModelSpec:
    """Sizes for an environment that observes a one-dimensional box, and acts in one or in a discrete space.

    Raises:
        EnvironmentFailed: a space is something else.
    """
    n_actions = _choices(action_space)
    return ModelSpec(
        obs_dim=_box_size("observation", observation_space),
        act_dim=1 if n_actions else _box_size("action", action_space),
        policy_hidden=tuple(ppo.policy_hidden_layer_sizes),
        value_hidden=tuple(ppo.value_hidden_layer_sizes),
        shared=ppo.share_policy_value_features,
        n_actions=n_actions,
    )


def _choices(space: object) -> int | None:
    """How many actions a discrete space has; None for another kind of space."""
    if type(space).__name__ != "Discrete":
        return None
    choices, first = int(getattr(space, "n", 0)), int(getattr(space, "start", 0))
    if choices < 2 or first != 0:
        raise EnvironmentFailed(
            f"the environment's action space {space} is not a choice between at least 2 actions that begin at 0",
            mend="count its actions from 0 in the environment",
        )
    return choices


def _box_size(kind: str, space: object) -> int:
    shape = getattr(space, "shape", None)
    if type(space).__name__ != "Box" or shape is None or len(shape) != 1 or shape[0] < 1:
        raise EnvironmentFailed(
            f"the environment's {kind} space {space} is not a one-dimensional Box"
            + (", and not Discrete" if kind == "action" else ""),
            mend="flatten it to shape (n,) in the environment",
        )
    return int(shape[0])


def init_parameters(spec: ModelSpec, rng: np.random.Generator) -> Arrays:
    """Draw first values for every parameter, float32, the same on every backend for the same generator.

    Weights and biases are uniform in ±1/√(fan in), PyTorch's default for linear layers (LeCun et al., 1998,
    "Efficient BackProp", section 4.6, up to a constant). The log standard deviation starts at 0.
    """
    parameters: Arrays = {}
    bound = 1.0
    for name, shape in spec.shapes().items():
        if name == "policy.log_std":
            parameters[name] = np.zeros(shape, np.float32)
            continue
        if name.endswith(".weight"):
            bound = 1.0 / float(np.sqrt(shape[1]))
        parameters[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
    return parameters


def initial_state(spec: ModelSpec, rng: np.random.Generator, learning_rate: float) -> AgentState:
    """The state before the first update: drawn parameters, Adam at rest, scalers of mean 0, variance 1 and count 1."""
    parameters = init_parameters(spec, rng)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in spec.shapes().items()}
    arrays = {**parameters, **adam_arrays(zeros, zeros, 0)}
    for scaler, size in zip(SCALERS, (spec.obs_dim, 1), strict=True):
        arrays.update(scaler_arrays(scaler, np.zeros(size), np.ones(size), 1.0))
    return AgentState(arrays, learning_rate)


@dataclass
class AgentState:
    """All that a backend's agent remembers between two updates, under neutral names.

    `arrays`:
        every parameter, float32;
        `adam.m.<parameter>`, `adam.v.<parameter>`, float32, and `adam.step`, int64, shape ();
        `adam.value.{m,v}.<parameter>`, float32, optional: skrl's JAX agent steps a shared trunk by two optimizers;
            those are the value optimizer's moments where they differ from the policy optimizer's;
        `scaler.{observation,value}.{mean,variance}`, shape (n,), and `.count`, shape (), float64: PyTorch's scalers
            count in float64, and float32 would lose what makes a resumed run exact;
        `hyper.{entropy_loss_scale,ratio_clip}`, optional, float64, shape (): as they were last set during the run;
        `rng.<backend>.*`, optional: the random generators of skrl on that backend.

    `learning_rate` is Adam's current step size.
    """

    arrays: Arrays
    learning_rate: float

    def parameters(self, spec: ModelSpec) -> Arrays:
        """The networks' parameters alone."""
        return {name: self.arrays[name] for name in spec.shapes()}

    def check(self, spec: ModelSpec) -> None:
        """Raise CheckpointError, naming every array that is missing or has another shape than `spec`'s."""
        wrong = []
        for name, shape in required_shapes(spec).items():
            if name not in self.arrays:
                wrong.append(f"{name} is missing")
            elif self.arrays[name].shape != shape:
                wrong.append(f"{name} is {self.arrays[name].shape}, not {shape}")
        if wrong:
            listed = "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            raise CheckpointError(
                f"the checkpoint does not fit this run's networks: {listed}",
                mend="resume with the layer sizes and the environment that it was trained with",
            )


def required_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """Name → shape of every array that a complete agent state holds."""
    parameters = spec.shapes()
    shapes = dict(parameters)
    shapes.update({f"adam.{moment}.{name}": shape for moment in "mv" for name, shape in parameters.items()})
    shapes["adam.step"] = ()
    for scaler, size in zip(SCALERS, (spec.obs_dim, 1), strict=True):
        shapes[f"scaler.{scaler}.mean"] = shapes[f"scaler.{scaler}.variance"] = (size,)
        shapes[f"scaler.{scaler}.count"] = ()
    return shapes


def adam_arrays(m: Mapping[str, np.ndarray], v: Mapping[str, np.ndarray], step: int) -> Arrays:
    """Adam's moments and step count under their neutral names."""
    return {
        **{f"adam.m.{name}": np.asarray(array, np.float32) for name, array in m.items()},
        **{f"adam.v.{name}": np.asarray(array, np.float32) for name, array in v.items()},
        "adam.step": np.asarray(step, np.int64),
    }


def scaler_arrays(name: str, mean: object, variance: object, count: object) -> Arrays:
    """A running standard scaler's statistics under their neutral names."""
    return {
        f"scaler.{name}.mean": np.asarray(mean, np.float64),
        f"scaler.{name}.variance": np.asarray(variance, np.float64),
        f"scaler.{name}.count": np.asarray(count, np.float64).reshape(()),
    }
