"""SG-Ready by two relay contacts: Shelly relays of both generations, reached at their addresses in the owner's network.

No other vendor is known here, and no safety lives here. Start with ``driver.py``; ``relay.py`` speaks to one relay.
"""
