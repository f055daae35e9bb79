"""A run on disk: its folder, events, requests, checkpoints and state.

Import from the modules: importing this package imports nothing, so that the supervisor, which needs the standard
library only, does not pay for NumPy.
"""
