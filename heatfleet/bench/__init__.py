"""Measured figures: ``heatfleet bench NAME`` runs ``bench/NAME.py``.

Each bench prints JSON and a ratio to a named reference measured in the same run.
"""
