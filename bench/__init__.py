"""The benchmark: what the app costs beside the limit, the plain way and any peer, as ratios of one run (docs/bench.md)."""
