"""The myUplink vendor: NIBE, CTC and the other brands whose heat pumps talk to that cloud.

``driver.py`` talks, ``words.py`` names the points, ``points.py`` translates them, ``emulator.py`` and
``emulated_points.py`` play the cloud. Flows and planning must never look behind: they see what the driver reads.
"""
