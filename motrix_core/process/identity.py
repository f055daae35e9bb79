"""Signals that reach the process that is meant, or nobody."""

from __future__ import annotations

import os
import signal

from motrix_core.runs.identity import Identity, boot_id, identity_of


def send_signal(process: Identity, boot: str, number: signal.Signals) -> bool:
    """Send `number` to `process`, which was recorded during the boot `boot`; False if it is gone.

    A process that merely got the same number, since or after a reboot, is never signalled. Raises PermissionError
    for another user's process.
    """
    if boot != boot_id():
        return False
    try:
        # The descriptor holds on to one process, so its number cannot change hands between the check and the signal.
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except (AttributeError, OSError):
        return _send_by_number(process, number)
    try:
        if identity_of(process.pid) != process:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def _send_by_number(process: Identity, number: signal.Signals) -> bool:
    # Linux before 5.3, and other systems: the check and the signal are as close together as they can be.
    try:
        if identity_of(process.pid) != process:
            return False
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True
