"""The environments that exist, without importing any of them.

A package adds its own by entry points in the group `motrix.envs`: each names an `EnvSpec`, or an iterable of them, in
a module that should import no simulator. One that cannot be read is listed with its error.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator
from dataclasses import replace

from motrix_core.envs.spec import EnvSpec

ENTRY_POINT_GROUP = "motrix.envs"

_SIMS = ("motrixsim", "mujoco")


def _walker(name: str, title: str, description: str, class_name: str, success_return: float) -> EnvSpec:
    return EnvSpec(
        name=name,
        title=title,
        description=description,
        obs_dim=22,
        act_dim=6,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=25.0,
        ctrl_dt_s=0.025,
        sim_dt_s=0.0125,
        success=f"mean return of {success_return:g} of 1000 over an episode of 1000 steps",
        success_return=success_return,
        entry=f"motrix_core.envs.tasks.walker:{class_name}",
    )


def _planar(
    name: str,
    title: str,
    description: str,
    entry: str,
    *,
    obs_dim: int,
    act_dim: int,
    times: tuple[float, float, float],
    success_return: float,
) -> EnvSpec:
    """A task of the DeepMind Control Suite; `times` are simulation step, control step and episode, s."""
    sim_dt_s, ctrl_dt_s, episode_s = times
    steps = round(episode_s / ctrl_dt_s)
    return EnvSpec(
        name=name,
        title=title,
        description=description,
        obs_dim=obs_dim,
        act_dim=act_dim,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=episode_s,
        ctrl_dt_s=ctrl_dt_s,
        sim_dt_s=sim_dt_s,
        success=f"mean return of {success_return:g} of {steps} over an episode of {steps} steps",
        success_return=success_return,
        entry=f"motrix_core.envs.tasks.{entry}",
    )


def _unitree(name: str, title: str, description: str, entry: str, obs_dim: int = 48) -> EnvSpec:
    return EnvSpec(
        name=name,
        title=title,
        description=description,
        obs_dim=obs_dim,
        act_dim=12,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=20.0,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 20 of 30: it walks through the episode close to the velocities commanded",
        success_return=20.0,
        entry=f"motrix_core.envs.tasks.{entry}",
    )


BUILTIN: tuple[EnvSpec, ...] = (
    EnvSpec(
        name="cartpole",
        title="Cart-pole",
        description="Balance a pole on a cart by pushing the cart left and right.",
        obs_dim=4,
        act_dim=1,
        act_low=-3.0,
        act_high=3.0,
        sims=_SIMS,
        episode_s=10.0,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 900 of 1000: the pole stands for 9 of 10 seconds",
        success_return=900.0,
        entry="motrix_core.envs.tasks.cartpole:Cartpole",
    ),
    _walker("dm-stander", "Planar walker, stand", "Get up from a random pose and stand upright.", "Stander", 900.0),
    _walker("dm-walker", "Planar walker, walk", "Get up and walk forward at 1 m/s or more.", "Walker", 900.0),
    _walker("dm-runner", "Planar walker, run", "Get up and run forward at 5 m/s or more.", "Runner", 500.0),
    _planar(
        "dm-cheetah",
        "Planar cheetah, run",
        "Run forward on two legs as fast as possible, up to 10 m/s.",
        "cheetah:Cheetah",
        obs_dim=17,
        act_dim=6,
        times=(0.01, 0.025, 10.0),
        success_return=200.0,
    ),
    _planar(
        "dm-hopper-stand",
        "Planar hopper, stand",
        "Get up on one leg and stand still.",
        "hopper:HopperStand",
        obs_dim=15,
        act_dim=4,
        times=(0.02, 0.02, 20.0),
        success_return=800.0,
    ),
    _planar(
        "dm-hopper-hop",
        "Planar hopper, hop",
        "Get up on one leg and hop forward at 2 m/s or more.",
        "hopper:HopperHop",
        obs_dim=15,
        act_dim=4,
        times=(0.02, 0.02, 20.0),
        success_return=300.0,
    ),
    _planar(
        "dm-reacher",
        "Two-link reacher",
        "Bring the finger of a two-link arm to a target on the table and keep it there.",
        "reacher:Reacher",
        obs_dim=10,
        act_dim=2,
        times=(0.0125, 0.025, 6.0),
        success_return=200.0,
    ),
    EnvSpec(
        name="bounce_ball",
        title="Bounce a ball",
        description="Keep a ball bouncing on a paddle that a six-joint arm holds.",
        obs_dim=25,
        act_dim=6,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=20.0,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 1200 of 2000: the ball bounces near the height aimed at for most of 20 seconds",
        success_return=1200.0,
        entry="motrix_core.envs.tasks.bounce_ball:BounceBall",
    ),
    _unitree(
        "go1-flat-terrain-walk",
        "Unitree Go1, flat ground",
        "Walk on flat ground, forward, sideways and turning, as fast as commanded.",
        "quadruped_walk:Go1FlatWalk",
    ),
    _unitree(
        "go1-rough-terrain-walk",
        "Unitree Go1, rough ground",
        "Walk over bumps of up to 8 cm, forward, sideways and turning, as fast as commanded.",
        "quadruped_terrain:Go1RoughWalk",
    ),
    _unitree(
        "go1-stairs-terrain-walk",
        "Unitree Go1, stairs",
        "Walk up and down stairs, forward, sideways and turning, as fast as commanded.",
        "quadruped_terrain:Go1StairsWalk",
        obs_dim=60,
    ),
    _unitree(
        "go2-flat-terrain-walk",
        "Unitree Go2, flat ground",
        "Walk on flat ground, forward, sideways and turning, as fast as commanded.",
        "quadruped_walk:Go2FlatWalk",
    ),
    EnvSpec(
        name="anymal_c_navigation_flat",
        title="ANYmal C, navigation on flat ground",
        description="Walk to a target 1 to 4 m away, turn as told there, and stay.",
        obs_dim=54,
        act_dim=12,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=7.0,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 12: it arrives in about half of the time and stays",
        success_return=12.0,
        entry="motrix_core.envs.tasks.anymal:AnymalNavigation",
    ),
    EnvSpec(
        name="franka-lift-cube",
        title="Franka Panda, lift a cube",
        description="Take a cube from the ground and hold it at a place in the air.",
        obs_dim=36,
        act_dim=8,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=2.5,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 5250 of 9500: the cube is held in the air for most of 2.5 seconds",
        success_return=5250.0,
        entry="motrix_core.envs.tasks.franka_lift:FrankaLiftCube",
    ),
    EnvSpec(
        name="franka-open-cabinet",
        title="Franka Panda, open a cabinet",
        description="Take a cabinet's door by its handle and pull it open.",
        obs_dim=25,
        act_dim=8,
        act_low=-1.0,
        act_high=1.0,
        sims=_SIMS,
        episode_s=7.0,
        ctrl_dt_s=0.01,
        sim_dt_s=0.01,
        success="mean return of 5000 of 8750: the door is open for most of 7 seconds",
        success_return=5000.0,
        entry="motrix_core.envs.tasks.franka_cabinet:FrankaOpenCabinet",
    ),
    EnvSpec(
        name="pendulum",
        title="Pendulum swing-up",
        description="Swing a pendulum up with a motor too weak to lift it, and hold it upright. Needs no simulator.",
        obs_dim=3,
        act_dim=1,
        act_low=-2.0,
        act_high=2.0,
        sims=(),
        episode_s=10.0,
        ctrl_dt_s=0.05,
        sim_dt_s=0.05,
        success="mean return of -250 or better: swung up in the first few seconds and held",
        success_return=-250.0,
        entry="motrix_core.envs.tasks.pendulum:Pendulum",
    ),
    EnvSpec(
        name="acrobot",
        title="Acrobot swing-up",
        description="Swing a two-link pendulum up by a motor at its elbow. Discrete actions. Needs no simulator.",
        obs_dim=6,
        act_dim=1,
        act_low=0.0,
        act_high=2.0,
        sims=(),
        episode_s=100.0,
        ctrl_dt_s=0.2,
        sim_dt_s=0.2,
        success="mean return of -100 or better: up within 20 seconds",
        success_return=-100.0,
        entry="motrix_core.envs.tasks.acrobot:Acrobot",
        n_actions=3,
    ),
    EnvSpec(
        name="mountain-car",
        title="Mountain car",
        description="Drive a car out of a valley with a motor too weak to climb. Discrete actions. Needs no simulator.",
        obs_dim=2,
        act_dim=1,
        act_low=0.0,
        act_high=2.0,
        sims=(),
        episode_s=200.0,
        ctrl_dt_s=1.0,
        sim_dt_s=1.0,
        success="mean return of 40 or better: out of the valley in about 115 steps",
        success_return=40.0,
        entry="motrix_core.envs.tasks.mountain_car:MountainCar",
        n_actions=3,
    ),
)


def catalog() -> dict[str, EnvSpec]:
    """Every environment by name: ours in the order above, then those of installed plugins by name."""
    specs = {spec.name: spec for spec in BUILTIN}
    points = sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    for point in points:
        for spec in _read(point):
            holder = specs.get(spec.name)
            if holder is None:
                specs[spec.name] = spec
            else:
                refused = f"{spec.name}@{spec.origin}"
                cause = spec.error or f"{spec.name!r} is already taken by {holder.origin}"
                specs[refused] = EnvSpec.unusable(refused, spec.origin, cause)
    return specs


def _read(point: importlib.metadata.EntryPoint) -> Iterator[EnvSpec]:
    origin = point.dist.name if point.dist else point.value
    try:
        loaded = point.load()
        specs = list(loaded) if isinstance(loaded, Iterable) else [loaded]
    except (Exception, SystemExit) as error:  # nothing that a plugin does may take the others down with it
        yield EnvSpec.unusable(point.name, origin, f"{type(error).__name__}: {error}")
        return
    for spec in specs:
        if isinstance(spec, EnvSpec):
            yield replace(spec, origin=origin)
        else:
            yield EnvSpec.unusable(point.name, origin, f"{point.value} gives {type(spec).__name__}, not an EnvSpec")
