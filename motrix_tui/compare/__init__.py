"""Compare: several runs side by side: curves, settings that differ, figures."""
