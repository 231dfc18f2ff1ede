"""Published measurements: each against a named baseline in the same run.

`python -m tests.benchmarks.NAME [--small] [--json]` prints each measure with its ratio and target and exits 1
when one is missed. `--small` ends within a minute. A target of None is noted, not judged.
"""
