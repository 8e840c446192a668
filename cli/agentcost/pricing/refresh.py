"""A newer list of the genai-prices library: fetched only where that is asked for, kept in a folder, used from there.

Whoever has never asked has the library's own copy. A price from a kept list says so, with its day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from agentcost.errors import AgentcostError
from agentcost.files import replace
from agentcost.pricing import published

NAME = "genai-prices.list"
"""The day on which it was fetched on the first line, then what was fetched."""

_DAY = 11


def download() -> bytes:
    """The list as the library's project publishes it. AgentcostError where it cannot be had. This is the network."""
    import httpx2  # noqa: PLC0415 — only here
    from genai_prices.update_prices import UpdatePrices  # noqa: PLC0415 — only here

    updater = UpdatePrices()
    try:
        answer = httpx2.get(updater.url, timeout=updater.request_timeout)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise AgentcostError(
            f"--refresh-prices: {updater.url} cannot be read ({error}); prices stay as they were"
        ) from error
    return answer.content


def refresh(folder: Path, day: date, get: Callable[[], bytes] = download) -> tuple[int, int]:
    """Fetch the list, check it, keep it in the folder as of a day, and use it. Returns its providers and models."""
    from agentcost.pricing import genai  # noqa: PLC0415 — heavy

    content = get()
    genai.use(content)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(folder / NAME, day.isoformat().encode() + b"\n" + content)
    except OSError as error:
        raise AgentcostError(
            f"--refresh-prices: {folder} cannot be written ({error.strerror}); set AGENTCOST_CACHE"
        ) from error
    published.use((folder / NAME, day))
    return published.size()


def use_kept(folder: Path) -> bool:
    """Use the list that was kept in the folder; whether there is one. It is read when a price is looked up in it."""
    try:
        with (folder / NAME).open("rb") as file:
            first = file.readline(_DAY)
    except OSError:
        return False
    try:
        published.use((folder / NAME, date.fromisoformat(first.decode().rstrip("\n"))))
    except ValueError as error:
        raise AgentcostError(
            f"{folder / NAME} is no price list of this version; run agentcost prices --refresh-prices"
        ) from error
    return True
