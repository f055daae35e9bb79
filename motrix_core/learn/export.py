"""A trained policy as an ONNX file that stands alone.

The graph is built from the neutral arrays of a checkpoint, so both backends give the same file and neither is needed:

    observations (batch, obs_dim) → Sub, Div, Clip → (Gemm, Elu)… → Gemm → Clip → actions (batch, act_dim), float32

The first three are the observation scaler; the last Clip is what the environment does to every action, and is left
out where the environment's bounds are not known. Where actions are choices, the last layer gives logits, and the file
has two outputs, so that whoever runs it may take the likeliest action or sample:

    … → Gemm → logits (batch, n_actions), float32 → ArgMax → actions (batch,), int64

A file is written only after onnxruntime has computed the same
actions from it as NumPy and, where it is installed, as the backend that trained the policy.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from motrix_core import __version__
from motrix_core.errors import MissingExtra, MotrixError
from motrix_core.learn.choices import likeliest_choices, log_softmax
from motrix_core.learn.policy import SCALER_CLIP, Layer, NumpyPolicy, spec_of
from motrix_core.learn.spec import ModelSpec
from motrix_core.runs.checkpoints import Checkpoint
from motrix_core.runs.files import GIVEN_MODE, replace_file

INPUT, OUTPUT, LOGITS = "observations", "actions", "logits"
SAMPLES = 4096
TOLERANCE = 1e-5
"""The largest difference that is taken for rounding: of an action in its own unit, of a choice in its probability."""

_OPSET, _IR_VERSION = 17, 8
"""Old enough for every runtime of the last years; nothing here needs a newer one."""

_SEED = 0x0BB5


@dataclass(frozen=True)
class Exported:
    """What was written.

    errors: reference ("numpy", "torch", "jax") → largest difference of an action, or of the probability of a choice,
        over `SAMPLES` observations.
    compared: what that is a difference of.
    notes: what the user should know, in sentences.
    """

    path: Path
    compared: str
    errors: dict[str, float]
    notes: tuple[str, ...]


def export_onnx(checkpoint: Checkpoint, path: Path, bounds: tuple[float, float] | None) -> Exported:
    """Write the policy of `checkpoint` to `path`, replacing a file that is there.

    Args:
        bounds: the lowest and highest action that the environment takes, in every dimension; None if unknown. Of no
            meaning for choices.

    Raises:
        MissingExtra: onnx or onnxruntime is not installed.
        CheckpointError: the checkpoint holds no usable policy.
        MotrixError: the graph's actions differ by more than `TOLERANCE`, or the file cannot be written. Nothing has
            been written then, and a file that was there is still there.
    """
    onnx, onnxruntime = _require("onnx"), _require("onnxruntime")
    policy = NumpyPolicy.from_checkpoint(checkpoint)
    if policy.discrete:
        bounds = None
    model = build_graph(onnx, policy, bounds, metadata(checkpoint, bounds, policy.n_actions))
    data = model.SerializeToString()
    observations = sample_observations(policy)
    exported = run_graph(onnxruntime, data, observations, policy.discrete)
    references: dict[str, np.ndarray] = {"numpy": policy.outputs(observations)}
    notes = (
        []
        if bounds or policy.discrete
        else ["the environment's action bounds are not known here, so the actions are not clipped"]
    )
    backend = str(checkpoint.meta.get("backend"))
    try:
        references[backend] = backend_outputs(backend, checkpoint.arrays["agent"], observations)
    except (ImportError, OSError) as error:
        # OSError: the package is there, but a shared library that it needs is not.
        notes.append(f"checked against NumPy only: {backend} cannot be imported here ({error})")
    difference = _difference_of_choices if policy.discrete else partial(_largest_difference, bounds=bounds)
    errors = {name: difference(exported, outputs) for name, outputs in references.items()}
    for name, error in errors.items():
        # Written so that NaN fails too.
        if not error <= TOLERANCE:
            raise MotrixError(
                f"{path} was not written: actions of the exported policy differ from those of {name} by up to "
                f"{error:.3g}, more than {TOLERANCE:g}",
                mend="export another checkpoint; weights this large do not survive rounding",
            )
    try:
        replace_file(path, data, mode=GIVEN_MODE)
    except OSError as error:
        raise MotrixError(
            f"{path} cannot be written: {error.strerror or error}", mend="name another place with -o FILE"
        ) from error
    compared = "the probability of a choice" if policy.discrete else "an action"
    return Exported(path, compared, errors, tuple(notes))


def metadata(checkpoint: Checkpoint, bounds: tuple[float, float] | None, n_actions: int | None) -> dict[str, str]:
    """What is known of the policy's origin, for the file's metadata properties."""
    meta = checkpoint.meta
    actions = "the policy's mean" + (", not clipped" if bounds is None else ", clipped to the bounds")
    known = {
        "env": meta.get("env"),
        "env_steps": checkpoint.env_steps,
        "backend": meta.get("backend"),
        "engine": meta.get("engine"),
        "sim": meta.get("sim"),
        "seed": meta.get("seed"),
        "action_low": None if bounds is None else f"{bounds[0]:g}",
        "action_high": None if bounds is None else f"{bounds[1]:g}",
        "observations": "as the environment gives them; the running scaler is inside",
        "n_actions": n_actions,
        "actions": actions if n_actions is None else "the likeliest, counted from 0",
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def build_graph(onnx: Any, policy: NumpyPolicy, bounds: tuple[float, float] | None, props: Mapping[str, str]) -> Any:
    """The `onnx.ModelProto` of `policy`, checked by onnx itself. `props` become its metadata properties."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = _Graph(onnx)
    x = graph.node("Sub", "scaler.centered", INPUT, graph.constant("scaler.mean", policy.center))
    x = graph.node("Div", "scaler.scaled", x, graph.constant("scaler.deviation", policy.scale))
    x = graph.clip("scaler.output", x, "scaler", -SCALER_CLIP, SCALER_CLIP)
    for index, layer in enumerate(policy.hidden):
        x = graph.node("Elu", f"layers.{index}.elu", graph.linear(f"layers.{index}", x, layer), alpha=1.0)
    outputs = [helper.make_tensor_value_info(OUTPUT, float32, ["batch", policy.act_dim])]
    if policy.discrete:
        x = graph.node("Identity", LOGITS, graph.linear("logits.layer", x, policy.head))
        # Of equal logits the first, as NumPy has it.
        graph.node("ArgMax", OUTPUT, x, axis=1, keepdims=0, select_last_index=0)
        outputs = [
            helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info(LOGITS, float32, ["batch", policy.n_actions]),
        ]
    elif bounds is None:
        graph.node("Identity", OUTPUT, graph.linear("mean", x, policy.head))
    else:
        graph.clip(OUTPUT, graph.linear("mean", x, policy.head), "action", *bounds)
    proto = helper.make_graph(
        graph.nodes,
        "policy",
        [helper.make_tensor_value_info(INPUT, float32, ["batch", policy.obs_dim])],
        outputs,
        graph.constants,
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="motrix-tui",
        producer_version=__version__,
    )
    helper.set_model_props(model, dict(props))
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants so far. Every method returns the name of what it added."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray | float) -> str:
        array = np.array(value, np.float32, order="C")
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, output: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def clip(self, output: str, x: str, limits: str, low: float, high: float) -> str:
        return self.node("Clip", output, x, self.constant(f"{limits}.low", low), self.constant(f"{limits}.high", high))

    def linear(self, name: str, x: str, layer: Layer) -> str:
        weight, bias = (
            self.constant(f"{name}.{part}", array) for part, array in zip(("weight", "bias"), layer, strict=True)
        )
        return self.node("Gemm", f"{name}.output", x, weight, bias, transB=1)


def sample_observations(policy: NumpyPolicy) -> np.ndarray:
    """`SAMPLES` observations (SAMPLES, obs_dim) float32: what training saw, the edge of the scaler's clip, and beyond.

    The same ones every time.
    """
    rng = np.random.Generator(np.random.Philox(_SEED))
    usual = rng.standard_normal((SAMPLES // 2, policy.obs_dim))
    edge = rng.uniform(-1.2 * SCALER_CLIP, 1.2 * SCALER_CLIP, (SAMPLES // 4, policy.obs_dim))
    corners = rng.choice([-SCALER_CLIP, 0.0, SCALER_CLIP], (SAMPLES // 8, policy.obs_dim))
    beyond = rng.choice([-1.0, 1.0], (SAMPLES // 8, policy.obs_dim)) * 10.0 ** rng.uniform(
        0, 6, (SAMPLES // 8, policy.obs_dim)
    )
    deviations = np.concatenate([usual, edge, corners, beyond])
    return (policy.center + deviations * policy.scale.astype(np.float64)).astype(np.float32)


def run_graph(onnxruntime: Any, data: bytes, observations: np.ndarray, discrete: bool = False) -> np.ndarray:
    """What onnxruntime makes of `observations` (N, obs_dim) with the serialised model, on the CPU: actions
    (N, act_dim), or logits (N, n_actions), all NaN where an action is not the one of the largest logit.
    """
    options = onnxruntime.SessionOptions()
    # More threads than the machine has to spare would slow down a training that runs beside.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    if not discrete:
        return session.run([OUTPUT], {INPUT: observations})[0]
    actions, logits = session.run([OUTPUT, LOGITS], {INPUT: observations})
    chosen = np.array_equal(actions, likeliest_choices(logits)[:, 0])
    return logits if chosen else np.full_like(logits, np.nan)


def backend_outputs(backend: str, arrays: Mapping[str, np.ndarray], observations: np.ndarray) -> np.ndarray:
    """The mean actions or the logits that `backend`'s own networks and scaler give on the CPU: (N, obs_dim) →
    (N, policy_outputs) float32.

    Raises:
        ImportError: the backend, or skrl, cannot be imported here.
    """
    computers: dict[str, Callable[..., np.ndarray]] = {"torch": _torch_outputs, "jax": _jax_outputs}
    if backend not in computers:
        raise ImportError("it is no backend")
    for package in (backend, "skrl", "gymnasium"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"{package} is not installed")
    return computers[backend](spec_of(arrays), arrays, observations)


def _torch_outputs(spec: ModelSpec, arrays: Mapping[str, np.ndarray], observations: np.ndarray) -> np.ndarray:
    import torch
    from skrl.resources.preprocessors.torch import RunningStandardScaler

    from motrix_core.learn.torch import models

    device = torch.device("cpu")
    networks = models.build_models(spec, _spaces(spec, device))
    models.set_parameters(networks, spec, arrays)
    scaler = RunningStandardScaler(size=spec.obs_dim, device=device)
    scaler.running_mean.copy_(torch.tensor(arrays["scaler.observation.mean"]))
    scaler.running_variance.copy_(torch.tensor(arrays["scaler.observation.variance"]))
    with torch.no_grad():
        outputs, _ = networks["policy"].compute({"observations": scaler(torch.tensor(observations))}, role="policy")
    return outputs.numpy()


def _jax_outputs(spec: ModelSpec, arrays: Mapping[str, np.ndarray], observations: np.ndarray) -> np.ndarray:
    import jax
    from skrl import config
    from skrl.resources.preprocessors.jax import RunningStandardScaler

    from motrix_core.learn.jax import models

    config.jax.device = device = jax.devices("cpu")[0]
    with jax.default_device(device):
        networks = models.build_models(spec, _spaces(spec, device))
        models.set_parameters(networks, spec, arrays)
        scaler = RunningStandardScaler(size=spec.obs_dim, device=device)
        scaler.running_mean = jax.device_put(arrays["scaler.observation.mean"].astype(np.float32), device)
        scaler.running_variance = jax.device_put(arrays["scaler.observation.variance"].astype(np.float32), device)
        policy = networks["policy"]
        scaled = {"observations": scaler(jax.device_put(observations, device))}
        outputs, _ = policy.apply(policy.state_dict.params, scaled, "policy")
    return np.asarray(outputs)


def _spaces(spec: ModelSpec, device: Any) -> dict[str, Any]:
    from gymnasium.spaces import Box, Discrete

    return {
        "observation_space": Box(-np.inf, np.inf, (spec.obs_dim,), np.float32),
        "action_space": Box(-1.0, 1.0, (spec.act_dim,), np.float32) if not spec.n_actions else Discrete(spec.n_actions),
        "device": device,
    }


def _largest_difference(exported: np.ndarray, actions: np.ndarray, bounds: tuple[float, float] | None) -> float:
    expected = actions if bounds is None else np.clip(actions, *bounds)
    if exported.shape != expected.shape:
        return math.inf
    return float(np.abs(exported.astype(np.float64) - expected).max())


def _difference_of_choices(exported: np.ndarray, logits: np.ndarray) -> float:
    if exported.shape != logits.shape:
        return math.inf
    return float(np.abs(np.exp(log_softmax(exported)) - np.exp(log_softmax(logits))).max())


def _require(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtra(package, "export") from error
