"""What the written-out inertias of the demos' models are, and that both engines move the bodies alike."""

from __future__ import annotations

import numpy as np
import pytest

from motrix_core.envs.sim_env import TASKS
from motrix_core.sim.loader import is_installed, load_sim

mujoco = pytest.importorskip("mujoco")

# The reacher's target only slides, so that its moments mean nothing.
MODELS = [("cheetah.xml", ()), ("hopper.xml", ()), ("reacher.xml", ("target",)), ("bounce_ball.xml", ())]

# Away from contacts, joint limits and torque limits.
POSES = {
    "cheetah.xml": [0.0, 2.0, 0.2, 0.1, 0.1, -0.2, -0.6, -0.1, 0.1],
    "hopper.xml": [0.0, 2.0, 0.3, 0.1, -1.0, 1.2, 0.1],
    "reacher.xml": [0.3, 0.5, 0.1, 0.1],
    "bounce_ball.xml": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
}


def inertia_matrix(model: mujoco.MjModel, body: int) -> np.ndarray:
    """Moments about the body's centre of mass along the body's axes, (3, 3)."""
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.body_iquat[body])
    axes = rotation.reshape(3, 3)
    return axes @ np.diag(model.body_inertia[body]) @ axes.T


@pytest.mark.parametrize(("name", "excepted"), MODELS)
def test_the_inertias_written_out_are_those_of_the_geoms_at_the_masses_written_out(
    name: str, excepted: tuple[str, ...]
) -> None:
    text = (TASKS / name).read_text()
    written = mujoco.MjModel.from_xml_string(text)
    assert text.count("<compiler ") == 1
    derived = mujoco.MjModel.from_xml_string(text.replace("<compiler ", '<compiler inertiafromgeom="true" '))
    for body in range(1, written.nbody):
        if written.body(body).name in excepted:
            continue
        density = written.body_mass[body] / derived.body_mass[body]
        expected = inertia_matrix(derived, body) * density
        np.testing.assert_allclose(written.body_ipos[body], derived.body_ipos[body], atol=1e-6)
        np.testing.assert_allclose(inertia_matrix(written, body), expected, atol=1e-5 * expected.max())


def test_the_planar_bodies_have_the_published_masses() -> None:
    masses = {name: mujoco.MjModel.from_xml_path(str(TASKS / name)).body_mass for name, _ in MODELS}
    assert masses["cheetah.xml"].sum() == pytest.approx(14.0, rel=1e-6)
    assert masses["hopper.xml"].sum() == pytest.approx(12.4392, rel=1e-4)
    np.testing.assert_allclose(masses["bounce_ball.xml"][1:7], [3.7, 8.393, 2.33, 1.219, 1.219, 0.1879])


@pytest.mark.skipif(not is_installed("motrixsim"), reason="compares two simulators")
@pytest.mark.parametrize("name", POSES)
def test_without_contacts_both_engines_move_the_bodies_alike(name: str) -> None:
    rng = np.random.default_rng(0)
    sims = [load_sim(engine, TASKS / name, num_envs=8) for engine in ("motrixsim", "mujoco")]
    start = np.tile(np.array(POSES[name], np.float32), (8, 1))
    for sim in sims:
        sim.reset(np.ones(8, np.bool_), start, np.zeros_like(start))
    strength = 0.5 if name == "reacher.xml" else 0.15
    for _ in range(8):
        ctrl = rng.uniform(-strength, strength, (8, len(sims[0].actuators))).astype(np.float32)
        for sim in sims:
            sim.step(ctrl, 1)
    motrix, reference = sims
    assert np.abs(reference.dof_vel).max() > 1.0, "the bodies are supposed to have moved"
    np.testing.assert_allclose(motrix.dof_pos, reference.dof_pos, rtol=0, atol=1e-5)
    np.testing.assert_allclose(motrix.dof_vel, reference.dof_vel, rtol=0, atol=1e-4)
    for sim in sims:
        sim.close()
