"""Environments that users bring, for a process that executes none of their code."""
