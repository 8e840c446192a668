"""What tokens cost: the price of a model on a day, in a tier and a region, and bulk arithmetic that stays exact."""

from agentcost.pricing.amounts import (
    BESIDE,
    CLASSES,
    FEMTO,
    INPUT,
    Quoted,
    amounts,
    dollars,
    exact_sum,
    exactly,
    kept_longer,
    quote,
    tokens_of,
    units_of,
)
from agentcost.pricing.currency import currency_of
from agentcost.pricing.lookup import price_of
from agentcost.pricing.overlay import price_list
from agentcost.pricing.plans import Plan, plans
from agentcost.pricing.price_file import Book, read_price_file
from agentcost.pricing.rates import Price, Rates, Step, Unpriced
from agentcost.pricing.terms import Terms, terms_of

__all__ = [
    "BESIDE", "CLASSES", "FEMTO", "INPUT", "Book", "Plan", "Price", "Quoted", "Rates", "Step", "Terms", "Unpriced",
    "amounts", "currency_of", "dollars", "exact_sum", "exactly", "kept_longer", "plans", "price_list", "price_of",
    "quote", "read_price_file", "terms_of", "tokens_of", "units_of",
]  # fmt: skip
