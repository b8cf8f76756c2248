"""Weather sources in, one file each: imported CSVs, Open-Meteo, the bundled synthetic fortnight.

What comes out is always the same: quarter-hour temperature [°C] and irradiance [kW/m²] per place, UTC.
"""
