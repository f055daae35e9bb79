"""Seeing environments: in the terminal as braille, in the simulator's own window, as a film."""
