"""The project's benchmarks, as `motrix bench` runs them: what is compared, in which order, and the tables.

Everything that learns runs in child processes (`motrix_core.learn.bench`, and runs like anybody's).
"""
