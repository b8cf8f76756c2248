"""The sum of many homes: forecasts, baselines, flexibility, trading curves, savings.

Pure arithmetic on arrays of homes; start with ``score.py``.
"""
