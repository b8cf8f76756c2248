"""What every emulated vendor cloud is built from: bare ASGI, OAuth2, call windows, faults handed in, a robot person.

Nothing here knows a vendor or a driver; an emulator is played over real HTTP and has its own idea of the world.
Start with ``asgi.py``; the virtual homes behind every emulated cloud are in ``homes.py``.
"""
