"""What this machine has, and what of it can train.

limits.py        CPU and memory limits of this process (affinity, cgroups)
inventory.py     inventory(): CPU, memory, GPUs and package versions, at once
requirements.py  which packages a backend or simulator needs, and what to type when they are missing
probe.py         probe(), probe_all(): does a backend or simulator work? asked in child processes
probe_child.py   what such a child process runs
verdict.py       what the child's end means: usable or not, cause and mend
select.py        select_backend(), select_sim(): the automatic choice, in MotrixLab's order; check_sim()
"""

from motrix_core.hardware.inventory import Cpu, Gpu, Inventory, Memory, inventory
from motrix_core.hardware.probe import Probe, probe, probe_all
from motrix_core.hardware.select import (
    DeviceSupports,
    Selection,
    check_sim,
    get_device_supports,
    select_backend,
    select_sim,
)

__all__ = [
    "Cpu",
    "DeviceSupports",
    "Gpu",
    "Inventory",
    "Memory",
    "Probe",
    "Selection",
    "check_sim",
    "get_device_supports",
    "inventory",
    "probe",
    "probe_all",
    "select_backend",
    "select_sim",
]
