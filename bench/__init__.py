"""Benchmarks against Nchan and other references; `make bench` runs them, docs/benchmark.md explains them."""
