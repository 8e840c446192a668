"""Another currency for amounts in dollars, at a rate that the user gives: nothing is looked up."""

from __future__ import annotations

import re
from decimal import Decimal

from agentcost.errors import UsageError
from agentcost.units import Currency


def currency_of(text: str) -> Currency:
    """The currency of `EUR=0.92`; dollars for "". UsageError where it is not so.

    >>> currency_of("EUR=0.92")
    Currency(code='EUR', rate=Decimal('0.92'))
    """
    if not text:
        return Currency()
    found = re.fullmatch(r"\s*([A-Za-z]{3})\s*=\s*(\d+(?:\.\d+)?)\s*", text)
    if not found or not Decimal(found[2]):
        raise UsageError(f"--rate {text}: write the units of a currency for a dollar, as EUR=0.92")
    code, rate = found[1].upper(), Decimal(found[2])
    if code == "USD" and rate != 1:
        raise UsageError(f"--rate {text}: amounts are in dollars already")
    return Currency(code, rate)
