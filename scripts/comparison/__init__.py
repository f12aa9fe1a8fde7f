"""daytally and its peers, side by side: what scripts/compare is made of."""


class Failure(Exception):
    """Something that ends a comparison, said to the user without a traceback."""
