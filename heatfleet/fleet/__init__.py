"""The sum of many homes: forecasts, baselines, flexibility, trading curves, savings.

Pure arithmetic on arrays of homes. Empty until those issues come.
"""
