"""The batched planner: state the problem, solve it, read the answer back as plans, explain each step.

Values and arrays only: no I/O, no clock, no sandbox parameters.
Start with ``problem.py`` (what is asked), then ``solve.py`` (how it is answered).
"""
