"""Monitor: one run, live or past: charts, phases, resources, log."""
