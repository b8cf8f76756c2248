"""PostgreSQL: one file per kind of thing, hand-written SQL, rows in, values and arrays out.

The only room with SQL. Every query carries the organisation as an argument and runs under row-level security.
Start with ``database.py`` (transactions), then ``migrations/versions/0001_first_walk.sql`` (the tables).
"""
