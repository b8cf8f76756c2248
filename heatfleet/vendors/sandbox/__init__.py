"""The sandbox vendor: virtual homes behind a small emulated cloud, reached like any other vendor.

``driver.py`` and ``points.py`` are the vendor's driver; ``emulator.py`` plays the cloud, its homes are the kit's.
Flows and planning must never look behind: they see what the driver reads.
"""
