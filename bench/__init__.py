"""The benchmark: the app beside the limit, the plain way and peers, as ratios of one run (docs/bench.md)."""
