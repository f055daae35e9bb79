"""skrl's log lines without its colours."""

from __future__ import annotations

import logging


def plain_log() -> None:
    """Send what skrl logs to the process's own handler.

    Importing skrl installs a handler that colours its lines with control sequences, which do not belong into the
    run's console.log. To be called after every first import of a part of skrl; calling it again does no harm.
    """
    logger = logging.getLogger("skrl")
    logger.handlers.clear()
    logger.setLevel(logging.WARNING)
    logger.propagate = True
