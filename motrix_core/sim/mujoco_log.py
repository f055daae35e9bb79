"""Where MuJoCo's warnings go."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco

_log = logging.getLogger(__name__)


@contextmanager
def python_warnings_logged() -> Iterator[None]:
    """Let what MuJoCo tells as warnings of Python, as it does where a specification is compiled, go the same way."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    for warning in told:
        _log.warning("%s", warning.message)


def log_warnings() -> None:
    """Let MuJoCo tell its warnings to our log, unless somebody else has asked for them.

    Without a handler it writes MUJOCO_LOG.TXT into the working directory.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_log.warning)
