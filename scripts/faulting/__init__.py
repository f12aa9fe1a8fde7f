"""Faults made on purpose, and what daytally makes of them: what scripts/faults is made of."""


class Failure(Exception):
    """Something that ends the whole, said to the user without a traceback."""
