"""Pages for people, server-rendered: the Connect UI.

They work without JavaScript. Start with ``connect.py``.
"""
