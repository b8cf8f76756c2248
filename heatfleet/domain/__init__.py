"""The words of the house: organisation, heat pump, policy, reading, steering, plan, price zone, time grid, errors.

Frozen values and pure functions only: no I/O, no clock, no randomness, no arrays bigger than one heat pump.
Start with ``steering.py`` (states, levers, safety) and ``policy.py`` (what owner and partner allow).
"""
