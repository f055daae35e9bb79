"""What this project measures, and how. `make bench` runs all of it; the figures are kept in docs/benchmarks.md."""
