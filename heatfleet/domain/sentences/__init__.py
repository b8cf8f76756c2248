"""What is said to people about a quarter-hour of a plan, one table per language; nothing else lives here.

Keys are the codes of ``plans.Reason``; after a dot follows what the sentence also tells: the names of instants in
``plans.ReasonDetail``, shown as local times, or the side of a limit. ``cooling.`` before a code says it for a heat pump
that cools, where it is said otherwise then; ``pool.`` are those about the pool. Start with ``en.py``: it says which
keys there are, and every language has them all with the same names in braces. Sentences are warm, short and free of
jargon.
"""
