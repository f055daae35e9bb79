"""The chart widget: NumPy series drawn as braille, blocks or ASCII, in time that depends on the width alone."""
