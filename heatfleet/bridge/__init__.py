"""The server's end of gateways in homes: pairing, the WebSocket they dial, MQTT, and what their driver asks over HTTP.

No pump is steered here and nothing is decided; what a process does not hold itself it passes on through the database.
Start with ``routes.py``; ``session.py`` is one gateway's connection, ``hub.py`` joins the processes.
"""
