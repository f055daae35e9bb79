"""Published models of the robots instead of ours: MuJoCo Menagerie's, which robot_descriptions fetches.

Of a published file its bodies are used: masses, inertias, shapes and meshes, and how a legged robot's contacts are
solved. Drives, sensors, the ground and the time step are those that the task is written for, and parts that it reads
get the names that it knows them by.
"""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from motrix_core.errors import EnvironmentFailed, MissingExtra, Problem, nearest

MODELS = ("own", "menagerie")

# What is left of a published file.
_KEPT = ("compiler", "default", "asset", "worldbody", "contact")
_FOOT_SLACK_M = 0.01


def model_problems(options: Mapping[str, Any]) -> list[Problem]:
    """The problem with the option `model`, unless it is left out or one of `MODELS`.

    Raises `MissingExtra` for published models without robot_descriptions. Nothing is downloaded.
    """
    model = options.get("model", MODELS[0])
    if model not in MODELS:
        near = nearest(str(model), MODELS)
        mend = f"did you mean {near}?" if near else None
        return [Problem("env.model", model, f"must be {' or '.join(MODELS)}", mend)]
    if model == "menagerie":
        try:
            importlib.import_module("robot_descriptions")
        except ModuleNotFoundError as error:
            raise MissingExtra("robot_descriptions, for env.model=menagerie,", "menagerie") from error
    return []


def published_file(package: str) -> Path:
    """The MJCF file of robot_descriptions' `package`, which is downloaded when it is asked for the first time.

    Raises `EnvironmentFailed` when robot_descriptions cannot give the file.
    """
    name = f"robot_descriptions.{package}"
    try:
        path = Path(importlib.import_module(name).MJCF_PATH)
    except Exception as error:  # whatever its download ends in: no network, no git, a full disk
        raise _unavailable(name, error) from error
    if not path.is_file():
        raise _unavailable(name, FileNotFoundError(f"{path} does not exist"))
    return path


def _unavailable(name: str, error: Exception) -> EnvironmentFailed:
    return EnvironmentFailed(
        f"{name} cannot be used: {type(error).__name__}: {error}",
        mend="it is downloaded once, so try again with a connection, or leave env.model=menagerie out",
    )


def quadruped_model(
    published: Path, own: Path, *, legs: Sequence[str], damping: float, torque_limits: Sequence[float], target: Path
) -> None:
    """Write the four-legged robot `published` to `target`, in place of that in our file `own`.

    Its legs come in the order of `legs`, and each joint gets the drive that ours has, with `damping`, N m s/rad, and
    `torque_limits`, N m. Raises `EnvironmentFailed` where it is not built as such robots are: a floating base whose
    children are four legs, named after `legs`, of three joints and a foot.
    """
    root, ours = _read(published), ElementTree.parse(own).getroot()
    contacts = _contact_options(root)
    _strip(root, published)
    base = _floating_base(root, published)
    names = [drive.get("name", "") for drive in _part(ours, "actuator", own)]
    stiffness = _part(ours, "default/position", own).get("kp", "")
    branches = [_leg(base, leg, published) for leg in legs]
    for branch in branches:
        base.remove(branch)
    for index, (leg, branch) in enumerate(zip(legs, branches, strict=True)):
        base.append(branch)
        joints = list(branch.iter("joint"))
        if len(joints) != 3:
            raise EnvironmentFailed(f"leg {leg} of {published} has {len(joints)} joints, but 3 are needed")
        for joint, name in zip(joints, names[3 * index :], strict=False):
            joint.attrib.update(name=name, damping=f"{damping:g}")
        _name_foot(root, branch, leg, published)
    for site in _part(ours, "worldbody/body", own).findall("site"):
        for same in base.findall(f"site[@name='{site.get('name')}']"):
            base.remove(same)
        base.append(deepcopy(site))
    floor = deepcopy(_part(ours, "worldbody/geom[@name='floor']", own))
    _part(root, "worldbody", published).insert(0, floor)
    option = deepcopy(_part(ours, "option", own))
    option.attrib.update(contacts)
    root.append(option)
    drives = SubElement(root, "actuator")
    for name, limit in zip(names, torque_limits, strict=True):
        bounds = {"forcelimited": "true", "forcerange": f"{-limit:g} {limit:g}"}
        SubElement(drives, "position", {"name": name, "joint": name, "kp": stiffness, **bounds})
    root.append(deepcopy(_part(ours, "sensor", own)))
    ElementTree.ElementTree(root).write(target)


def arm_model(published: Path, own: Path, target: Path) -> None:
    """Write the Panda `published` to `target`, with the drives, damping and armature of our file `own`.

    Raises `EnvironmentFailed` when it lacks one of our joints.
    """
    root, ours = _read(published), ElementTree.parse(own).getroot()
    _strip(root, published)
    for joint in ours.iter("joint"):
        if "name" not in joint.attrib:
            continue
        name = joint.attrib["name"]
        same = _part(root, f".//joint[@name='{name}']", published)
        defaults = _part(ours, f".//default[@class='{joint.get('class')}']/joint", own).attrib
        for quantity in ("damping", "armature"):
            same.set(quantity, joint.get(quantity) or defaults[quantity])
    for body in root.iter("body"):
        body.set("gravcomp", "1")
    for name in ("large_joint", "small_joint", "finger"):
        # Published drives are of other kinds, so that ours need classes that cannot be mistaken for theirs.
        drive = deepcopy(_part(ours, f".//default[@class='{name}']/position", own))
        SubElement(_part(root, "default", published), "default", {"class": f"own_{name}"}).append(drive)
    drives = deepcopy(_part(ours, "actuator", own))
    for drive in drives:
        drive.set("class", f"own_{drive.get('class')}")
    root.append(drives)
    ElementTree.ElementTree(root).write(target)


def _read(published: Path) -> Element:
    try:
        return ElementTree.parse(published).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise EnvironmentFailed(f"{published} cannot be read: {error}") from error


def _strip(root: Element, published: Path) -> None:
    for section in [child for child in root if child.tag not in _KEPT]:
        root.remove(section)
    compiler = root.find("compiler")
    if compiler is None:
        compiler = SubElement(root, "compiler")
    for kind in ("meshdir", "texturedir"):
        compiler.set(kind, str(published.parent / compiler.get(kind, compiler.get("assetdir", ""))))
    for parent in list(root.iter()):
        for extra in [child for child in parent if child.tag in ("light", "camera")]:
            parent.remove(extra)


def _contact_options(root: Element) -> dict[str, str]:
    """How contacts are solved: without it the soft feet of published robots slide away under their weight."""
    option = root.find("option")
    found = option.attrib if option is not None else {}
    return {name: found[name] for name in ("cone", "impratio") if name in found}


def _floating_base(root: Element, published: Path) -> Element:
    for body in _part(root, "worldbody", published).iter("body"):
        joint = body.find("freejoint")
        if joint is None:
            joint = body.find("joint[@type='free']")
        if joint is not None:
            for exclude in root.findall("contact/exclude"):
                for side in ("body1", "body2"):
                    if exclude.get(side) == body.get("name"):
                        exclude.set(side, "trunk")
            joint.set("name", "trunk")
            body.set("name", "trunk")
            return body
    raise EnvironmentFailed(f"{published} has no floating base")


def _leg(base: Element, leg: str, published: Path) -> Element:
    for body in base.findall("body"):
        if body.get("name", "").upper().startswith(leg):
            return body
    raise EnvironmentFailed(f"{published} has no leg {leg} at its base")


def _name_foot(root: Element, branch: Element, leg: str, published: Path) -> None:
    shank = list(branch.iter("body"))[-1]
    feet = [geom for geom in shank.findall("geom") if geom.get("class") == "foot" or geom.get("name") == leg]
    if len(feet) != 1:
        raise EnvironmentFailed(f"leg {leg} of {published} has {len(feet)} feet: geoms of the class 'foot'")
    default = root.find(".//default[@class='foot']/geom")
    known = {**(default.attrib if default is not None else {}), **feet[0].attrib}
    feet[0].set("name", f"{leg}_foot")
    radius = float(known.get("size", "0.02").split()[0]) + _FOOT_SLACK_M
    place = known.get("pos", "0 0 0")
    SubElement(shank, "site", name=f"{leg}_foot", type="sphere", size=f"{radius:g}", pos=place)


def _part(root: Element, path: str, file: Path) -> Element:
    found = root.find(path)
    if found is None:
        raise EnvironmentFailed(f"{file} has no {path}")
    return found
