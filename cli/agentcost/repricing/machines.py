"""A machine of one's own by the hour: at a throughput that is given, or no faster than an accelerator's roofline."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agentcost.costs.requests import COLUMN
from agentcost.datasheets.architecture import Architecture
from agentcost.datasheets.hardware import Accelerator, hardware_sheet
from agentcost.datasheets.models import weights_of
from agentcost.errors import UsageError
from agentcost.kv.room import UTILIZATION, weights_bytes
from agentcost.measuring.levels import Ints
from agentcost.prefill import Rates, Work, decode, planned, seconds, work
from agentcost.pricing import INPUT
from agentcost.units import gibibytes

ENGINE = "vllm"
"""Whose cache is replayed on a machine of one's own, with memory for all of it."""

IDLE = "never idle, and cached tokens pass as slowly as all others: agentcost kv has caches and prefill"
BOUND = "a lower bound: never idle, batches always full, all caches in memory (half the peak is usual, and costs twice)"
DTYPE = "bf16"


class Machine(msgspec.Struct, frozen=True):
    """Dollars an hour, and the tokens a second that pass through it; any model."""

    price: Decimal
    throughput: Decimal
    model: str = ""
    basis: str = "given"
    source: str = "given by --accelerator-price and --throughput"

    @property
    def assumes(self) -> tuple[str, ...]:
        """`$2.5 an hour, 3,000 tokens a second`, and what else its costs rest on."""
        return f"${self.price:,f} an hour, {self.throughput:,f} tokens a second", IDLE

    def costs(self, tokens: Ints) -> list[Decimal]:
        """Dollars of requests, by their tokens by CLASSES: every token takes as long."""
        each = self.price / (self.throughput * 3600)
        return [count * each for count in tokens[:, : COLUMN["searches"]].sum(axis=1).tolist()]


class Roofline(msgspec.Struct, frozen=True):
    """An accelerator at its peak, computing all that a cache does not hold of a model's prompts, and the answers."""

    architecture: Architecture
    accelerator: Accelerator
    price: Decimal
    source: str
    basis: str = "roofline"

    @property
    def model(self) -> str:
        """The id of the model that it serves."""
        return self.architecture.id

    @property
    def assumes(self) -> tuple[str, ...]:
        """What its costs rest on."""
        return (
            f"{self.accelerator.id} at its peak in {DTYPE}, ${self.price:,f} an hour ({self.source})",
            BOUND,
            *self._rooms,
        )

    @property
    def _rooms(self) -> tuple[str, ...]:
        """How many of them the weights take, where one is too small; each adds as much speed as it costs."""
        size = weights_bytes(self.architecture, weights_of(DTYPE))
        least = 1 if size is None else -(-size // int(self.accelerator.memory_bytes * UTILIZATION))
        if least <= 1:
            return ()
        return (
            f"{gibibytes(size or 0)} of {DTYPE} weights take {least} of them: the bound is the same for any number",
        )

    @property
    def rates(self) -> Rates:
        """Its peaks. UsageError where they are not known."""
        return planned(self.accelerator, 1, 1.0, DTYPE)

    def costs(self, tokens: Ints) -> list[Decimal]:
        """Dollars of requests, by their tokens by CLASSES: prompts behind what was read, then answers."""
        rates, columns = self.rates, [COLUMN["output"], COLUMN["reasoning"]]
        prompts = tokens[:, : len(INPUT)].sum(axis=1).tolist()
        read, output = tokens[:, COLUMN["read"]].tolist(), tokens[:, columns].sum(axis=1).tolist()
        elapsed = (self._seconds(rates, *one) for one in zip(prompts, read, output, strict=True))
        return [Decimal(one) * self.price / 3600 for one in elapsed]

    def _seconds(self, rates: Rates, prompt: int, read: int, output: int) -> float:
        answer = Work(decode(self.architecture, prompt + output // 2) * output, 0.0)
        return seconds(work(self.architecture, prompt, read), rates) + seconds(answer, rates)


def roofline(architecture: Architecture, accelerator: Accelerator, price: Decimal | None) -> Roofline:
    """The roofline at a price per hour, else the published one. UsageError where neither it nor the peak is known."""
    source = "given"
    if price is None:
        listed = hardware_sheet().prices.get(accelerator.id)
        each = (listed.median or listed.high) if listed else None
        if listed is None or each is None:
            raise UsageError(f"--accelerator {accelerator.id}: no price of it is published; add --accelerator-price")
        price, source = Decimal(str(each)), f"{listed.confidence} {listed.as_of}"
    found = Roofline(architecture, accelerator, price, source)
    found.rates, decode(architecture, 1)  # what is not known of them is told before anything is read
    return found
