"""What every driver is handed, and the interface it fills.

``driver.py`` is the interface, ``manifest.py`` reads a folder's manifest, ``http.py`` is the one HTTP session
(quota, retries, timeouts, SSRF check), ``registry.py`` finds drivers by their manifests.
A driver never makes its own client, never sleeps, never decides what is safe.
"""
