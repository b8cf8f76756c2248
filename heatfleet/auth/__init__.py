"""Who is calling and what may they do: token endpoint, keys, passwords, secrets.

No HTTP framework here; ``api`` parses, this decides. Start with ``tokens.py``.
"""
