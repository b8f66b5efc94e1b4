"""Benchmarks side by side with peers; `make bench` runs them. docs/benchmark.md says how to read them."""
