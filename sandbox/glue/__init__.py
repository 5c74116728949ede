"""The emulated Glue crawler: lists the objects of its targets, guesses their tables, and writes them to the catalog.

The catalog itself is moto's.
"""
