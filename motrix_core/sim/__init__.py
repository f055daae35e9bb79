"""Physics engines behind one batch interface, `base.BatchSim`; `loader.load_sim` gives one by name."""
