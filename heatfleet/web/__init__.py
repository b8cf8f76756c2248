"""Pages for people, server-rendered: the Connect UI.

They work without JavaScript. No decisions and no SQL here: parse, call a flow, show. Start with ``connect.py``.
"""
