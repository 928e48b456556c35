"""Benchmarks of the whole product, run by `make bench`: real processes, ratios against the bare CLI of the same run."""
