"""What the benchmarks start as processes of their own: they import a learning library."""
