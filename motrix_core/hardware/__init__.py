"""What this machine has, and what of it can train.

limits.py        CPU and memory limits of this process (affinity, cgroups)
inventory.py     inventory(): CPU, memory, GPUs and package versions, at once
requirements.py  which packages a backend or simulator needs, and what to type when they are missing
probe.py         probe(), probe_all(): does a backend or simulator work? asked in child processes
probe_child.py   what such a child process runs
select.py        select_backend(), select_sim(): the automatic choice, in MotrixLab's order
"""
