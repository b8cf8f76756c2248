"""Heat pumps behind our own gateway agent: pairing by a code, last states and commands through our server's bridge.

No other vendor is known here, and nothing of what stands in the home. Start with ``driver.py``.
"""
