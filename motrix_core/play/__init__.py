"""Watching policies: stepping an environment in its own time, in the terminal, for the dashboard, or for a film."""
