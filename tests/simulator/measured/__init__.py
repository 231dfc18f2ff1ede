"""Processes that `tests/benchmarks/simulator.py` starts: the baseline of the server, and planting by itself."""
