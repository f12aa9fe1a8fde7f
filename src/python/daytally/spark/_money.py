"""Sums of revenue, to the digit.

A sum of groups may be larger than each of them may be, and than a decimal of Spark's; its whole part and what
is after the point are added up apart.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any, Optional

__all__ = ["add", "exact_sum", "in_two", "money"]

_EXACT = Context(prec=80)


def in_two(revenue: Any) -> tuple[Any, Any]:
    """A column of revenue in two: whole numbers, and what is after the point, as decimal(19, 18)."""
    from pyspark.sql import functions as F

    return F.floor(revenue), revenue % F.lit(1).cast("decimal(1,0)")


def add(one: Decimal, other: Decimal) -> Decimal:
    """Their sum."""
    return _EXACT.add(one, other)


def exact_sum(whole: Optional[Decimal], part: Optional[Decimal]) -> Decimal:
    """The sum of what may not be there, as of no groups."""
    return add(whole or Decimal(0), part or Decimal(0))


def money(amount: Decimal) -> Decimal:
    """An amount with two decimals, or with more if it has them.

    >>> money(Decimal("19.900000000000000000")), money(Decimal("0.125000000000000000"))
    (Decimal('19.90'), Decimal('0.125'))
    """
    plain = f"{amount:f}".rstrip("0") if amount % 1 else f"{amount:.0f}."
    whole, _, digits = plain.partition(".")
    return Decimal(f"{whole}.{digits:0<2}")
