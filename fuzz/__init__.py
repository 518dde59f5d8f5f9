"""Fuzzers: what reads a stranger's bytes, given any bytes at all. See docs/hostile-input.md."""
