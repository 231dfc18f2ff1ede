"""A simulated Microsoft 365: a small site of its own, a stranger to the portal.

It shares no code with its siblings and is reached by HTTP(S) only. `docs/simulator.md` says how to run it.
"""
