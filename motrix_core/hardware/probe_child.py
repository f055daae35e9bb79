"""The program that a probe runs in a child process, with the arguments NAME LIMIT_S.

Writes JSON lines to stdout, each with the key "motrix_probe": one per stage that begins (so that the parent can say
where a process hung or died), then one with the result. Whatever the probed package prints is between them.

Only the standard library is imported before the probed package, so that a failure is the package's own.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

SIZE = 32
"""Rows and columns of the matrices in the check."""

TIME_STEP_S, GRAVITY = 0.01, -9.81
FALLING_BALL = f"""
<mujoco>
  <option timestep="{TIME_STEP_S}" gravity="0 0 {GRAVITY}"/>
  <worldbody>
    <body>
      <joint type="slide" axis="0 0 1"/>
      <geom type="sphere" size="0.1" mass="1"/>
    </body>
  </worldbody>
</mujoco>
"""


class WrongResult(Exception):
    """The device computed, but not what it should have."""


class Reporter:
    """Writes lines for the parent to a copy of stdout, which a package cannot redirect or close."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
        self.stage_now = "start"

    def stage(self, name: str) -> None:
        self.stage_now = name
        self._write({"stage": name})

    def result(self, **fields: Any) -> None:
        self._write({"result": fields})

    def _write(self, fields: dict[str, Any]) -> None:
        # The leading line break parts the line from text that a package left without one.
        self._file.write("\n" + json.dumps({"motrix_probe": 1, **fields}) + "\n")
        self._file.flush()


def main(arguments: list[str]) -> int:
    name, limit_s = arguments[0], float(arguments[1])
    _prepare(limit_s)
    report = Reporter()
    try:
        found = PROBES[name](report)
    except BaseException as error:  # a package may raise anything, SystemExit included, while it is imported
        report.result(ok=False, stage=report.stage_now, error=_last_line(error))
        return 1
    report.result(ok=True, **found)
    return 0


def probe_jax(report: Reporter) -> dict[str, Any]:
    report.stage("import")
    import flax  # noqa: F401  a jax that flax cannot use cannot train
    import jax

    report.stage("devices")
    devices = jax.devices()
    report.stage("compute")
    left, right, expected = matrices()
    product = (jax.numpy.asarray(left, "float32") @ jax.numpy.asarray(right, "float32")).tolist()
    check_product(product, expected)
    return {
        "version": jax.__version__,
        "devices": [_jax_device(device.platform, device.id, device.device_kind) for device in devices],
        "gpu": devices[0].platform in ("gpu", "cuda", "rocm"),
        "cuda": None,
        "warning": None,
    }


def _jax_device(platform: str, number: int, kind: str) -> str:
    """ "cuda:0 NVIDIA H200"; "cpu:0" where the kind says no more than the platform."""
    place = f"{platform}:{number}"
    return place if kind.casefold() == platform.casefold() else f"{place} {kind}"


def probe_torch(report: Reporter) -> dict[str, Any]:
    report.stage("import")
    import torch

    report.stage("devices")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Where CUDA is present and unusable, torch answers False and tells the cause in a warning.
        gpu = torch.cuda.is_available()
    devices = ["cpu"]
    if gpu:
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        devices = [f"cuda:{index} {name}" for index, name in enumerate(names)]
    report.stage("compute")
    left, right, expected = matrices()
    where = "cuda" if gpu else "cpu"
    factors = [torch.tensor(rows, dtype=torch.float32, device=where) for rows in (left, right)]
    check_product((factors[0] @ factors[1]).tolist(), expected)
    return {
        "version": str(torch.__version__),
        "devices": devices,
        "gpu": gpu,
        "cuda": torch.version.cuda,
        "warning": str(caught[-1].message) if caught and not gpu else None,
    }


def probe_motrixsim(report: Reporter) -> dict[str, Any]:
    report.stage("import")
    import motrixsim

    report.stage("compute")
    model = motrixsim.load_mjcf_str(FALLING_BALL)
    data = motrixsim.SceneData(model)
    model.step(data)
    check_fall(float(data.dof_vel[0]))
    return {"version": None, "devices": ["cpu"], "gpu": False, "cuda": None, "warning": None}


def probe_mujoco(report: Reporter) -> dict[str, Any]:
    report.stage("import")
    import mujoco as binding

    report.stage("compute")
    mujoco: Any = binding  # its compiled part has no types
    model = mujoco.MjModel.from_xml_string(FALLING_BALL)
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data)
    check_fall(float(data.qvel[0]))
    return {"version": mujoco.__version__, "devices": ["cpu"], "gpu": False, "cuda": None, "warning": None}


PROBES: dict[str, Callable[[Reporter], dict[str, Any]]] = {
    "jax": probe_jax,
    "torch": probe_torch,
    "motrixsim": probe_motrixsim,
    "mujoco": probe_mujoco,
}


def matrices() -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Two matrices of shape (SIZE, SIZE) and their product.

    Small integers, so that the product is exact on every device, with TF32 and bfloat16 units too.
    """
    span = range(SIZE)
    left = [[(3 * row + column) % 7 - 3 for column in span] for row in span]
    right = [[(row + 5 * column) % 11 - 5 for column in span] for row in span]
    product = [[sum(left[row][k] * right[k][column] for k in span) for column in span] for row in span]
    return left, right, product


def check_product(product: list[list[float]], expected: list[list[int]]) -> None:
    """Raises WrongResult unless `product` is exactly `expected`."""
    wrong = sum(
        value != wanted
        for row, wanted_row in zip(product, expected, strict=True)
        for value, wanted in zip(row, wanted_row, strict=True)
    )
    if wrong:
        raise WrongResult(f"{wrong} of {SIZE * SIZE} elements of a matrix product are wrong")


def check_fall(velocity: float) -> None:
    """Raises WrongResult unless a ball that fell for one time step has the right `velocity` in m/s."""
    expected = GRAVITY * TIME_STEP_S
    if not math.isclose(velocity, expected, rel_tol=1e-3):
        raise WrongResult(f"a falling ball has {velocity} m/s after one step, where {expected:.4f} is right")


def _prepare(limit_s: float) -> None:
    # If the parent dies, nobody stops a package that hangs: then the kernel does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(limit_s) + 5)
    import resource

    # A package that crashes shall not leave a core file in the user's folder.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _last_line(error: BaseException) -> str:
    """The line of the traceback that names the exception and its message, without what may follow that line."""
    lines = "".join(traceback.format_exception_only(type(error), error)).splitlines()
    return next((line for line in lines if line and not line[0].isspace()), type(error).__name__)


if __name__ == "__main__":
    # Not sys.exit: some packages hang or crash while they are torn down, which says nothing about training.
    os._exit(main(sys.argv[-2:]))
