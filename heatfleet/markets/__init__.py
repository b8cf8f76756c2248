"""Price sources in, one file each: imported CSVs, energy-charts, ENTSO-E.

What comes out is always the same: quarter-hour prices per zone in currency/MWh, UTC. No database here.
"""
