"""Where MuJoCo's warnings go."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco

_log = logging.getLogger(__name__)
_told: set[str] = set()
_MANY = 1000


def _tell(text: str) -> None:
    """Log a warning, the same words only once: what a model is warned of, each of a batch of environments says anew."""
    text = text.strip()
    if len(_told) >= _MANY:
        _told.clear()
    if text not in _told:
        _told.add(text)
        _log.warning("%s", text)


@contextmanager
def python_warnings_logged() -> Iterator[None]:
    """Let what MuJoCo tells as warnings of Python, as it does where a specification is compiled, go the same way."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    for warning in told:
        _tell(str(warning.message))


def log_warnings() -> None:
    """Let MuJoCo tell its warnings to our log, unless somebody else has asked for them.

    Without a handler it writes MUJOCO_LOG.TXT into the working directory.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_tell)
