"""Where MuJoCo's warnings go."""

from __future__ import annotations

import logging

import mujoco

_log = logging.getLogger(__name__)


def log_warnings() -> None:
    """Let MuJoCo tell its warnings to our log, unless somebody else has asked for them.

    Without a handler it writes MUJOCO_LOG.TXT into the working directory.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_log.warning)
