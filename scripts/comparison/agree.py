"""Whether two results are the same: the same groups in the same order, with the same counts and revenues."""

import csv
import itertools
from decimal import Decimal, InvalidOperation

from . import Failure

HEADER = ["date", "user_id", "event_count", "purchase_count", "total_revenue"]

# How far a revenue that was added up in doubles may be off, as a part of the exact one.
TOLERANCE = Decimal("1e-6")


def compare(ours, theirs, revenue="decimal"):
    """Compares the CSV at `theirs` with the one at `ours`.

    Revenues have to be equal as decimals, however they are written; where `revenue` is "double", they may be off by
    TOLERANCE. Returns the number of groups and the largest part by which a revenue is off. Raises Failure with the
    first row that differs.
    """
    largest = Decimal(0)
    groups = 0
    with open(ours, newline="") as our_file, open(theirs, newline="") as their_file:
        our_rows, their_rows = csv.reader(our_file), csv.reader(their_file)
        headers = next(our_rows, None), next(their_rows, None)
        for header in headers:
            if header != HEADER:
                raise Failure(f"the header is {header}, not {HEADER}")
        for number, (our, their) in enumerate(itertools.zip_longest(our_rows, their_rows), 1):
            if our is None or their is None:
                ended, row = ("daytally", their) if our is None else ("the other", our)
                raise Failure(f"row {number}: {ended} has no more rows, its counterpart {','.join(row)}")
            off = difference(our, their)
            if off is None or off > (TOLERANCE if revenue == "double" else 0):
                raise Failure(f"row {number}: daytally has {','.join(our)}, the other {','.join(their)}")
            largest = max(largest, off)
            groups = number
    return {"groups": groups, "largest_relative_difference": float(largest)}


def difference(our, their):
    """By which part of the exact revenue two rows differ; None if they differ in anything else."""
    if our[:4] != their[:4] or len(our) != 5 or len(their) != 5:
        return None
    if our[4] == their[4]:
        return Decimal(0)
    try:
        exact, other = Decimal(our[4]), Decimal(their[4])
    except InvalidOperation:
        return None
    if not (exact.is_finite() and other.is_finite()):
        return None
    if exact == other:
        return Decimal(0)
    # Revenues are never negative, and one of these is not zero.
    return abs(exact - other) / max(abs(exact), abs(other))
