"""The sandbox vendor: virtual homes behind a small emulated cloud, reached like any other vendor.

``driver.py`` and ``points.py`` are the vendor's driver; ``emulator.py`` and ``homes.py`` play the cloud and the homes.
Flows and planning must never look behind: they see what the driver reads.
"""
