"""Benchmarks: each row is taken beside its baseline, in one run, on one machine."""
