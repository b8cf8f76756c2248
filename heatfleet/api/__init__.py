"""The Partner API: parse, call a flow or read the store, answer.

No decisions and no SQL here. Start with ``routes.py``, errors are mapped once in ``problems.py``.
"""
