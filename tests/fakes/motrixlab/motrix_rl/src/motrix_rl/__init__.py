from . import cfgs as cfgs  # registers its configurations
