"""Tokens that are read from a cache that forgets by age, for every time to live.

Where every use renews, a unit is read exactly if it was used at most the time to live before: its gaps tell it for all
of them. Where the age counts from the write, what was read and when it was written depend on the time to live, so the
requests are gone through with those that are asked for, all at once. The root is then written first and forgotten
first, and what is still alive behind it cannot be read, until the root is written again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy

from agentcost.capacity.stack import NEW, Access, Ints, Reuse

# --- renewed by every use ------------------------------------------------------------------------------------------


class Lifetimes(msgspec.Struct, frozen=True):
    """Tokens that are read, by time to live that every use renews: exact for each.

    `gaps` are the times in microseconds between two uses, rising; `hits` the tokens read with a time to live that is
    not shorter. `total` are the tokens of all prompts.
    """

    gaps: Ints
    hits: Ints
    total: int

    def at(self, seconds: float) -> int:
        """Tokens read: what was used at most so many seconds before."""
        place = int(numpy.searchsorted(self.gaps, round(seconds * 1e6), side="right"))
        return int(self.hits[place - 1]) if place else 0

    @property
    def bound(self) -> int:
        """Tokens read where nothing is ever forgotten."""
        return int(self.hits[-1]) if len(self.hits) else 0

    def needed(self, tokens: int) -> float:
        """The shortest time to live in seconds with which so many tokens are read: some, and at most `bound`."""
        return float(self.gaps[int(numpy.searchsorted(self.hits, tokens, side="left"))] / 1e6)

    def bend(self) -> float:
        """The time to live where the curve lies furthest above the straight line to its end."""
        end = max(int(self.gaps[-1]), 1)
        return float(self.gaps[int(numpy.argmax(self.hits * end - self.bound * self.gaps))] / 1e6)

    def spread(self, most: int) -> list[float]:
        """About `most` times to live in seconds, or fewer, that show the curve: each reads more than the one before;
        all that do where they are few, else spread evenly by ratio."""
        gaps = numpy.unique(self.gaps)
        if len(gaps) > most:
            wanted = numpy.geomspace(max(int(gaps[1]), 1), int(gaps[-1]), most - 1)
            places = numpy.minimum(numpy.searchsorted(gaps, wanted), len(gaps) - 1)
            gaps = gaps[numpy.unique([0, *places])]
        return [float(gap) for gap in gaps / 1e6]


def lifetimes(reuse: Reuse, starts: Sequence[float], total: int) -> Lifetimes:
    """The curve by time to live. `starts` are in seconds, one per request, never falling."""
    times = _microseconds(starts)
    gaps = times[reuse.rows] - times[reuse.lasts]
    order = numpy.argsort(gaps, kind="stable")
    return Lifetimes(gaps[order], numpy.cumsum((reuse.units * reuse.tokens)[order]), total)


def _microseconds(starts: Sequence[float]) -> Ints:
    """Whole numbers: 300.0 s between two floats of an epoch is 300.0 s."""
    return numpy.rint(numpy.array(starts, dtype=numpy.float64) * 1e6).astype(numpy.int64)


def peak(reuse: Reuse, starts: Sequence[float], seconds: float) -> int:
    """The most units that are alive at once, right behind a request, with this time to live."""
    if not reuse.requests:
        return 0
    times = _microseconds(starts)
    gone = numpy.searchsorted(times, times + round(seconds * 1e6), side="right")
    rows, lasts, units = reuse.moved
    change = numpy.zeros(reuse.requests + 1, dtype=numpy.int64)
    numpy.add.at(change, lasts, units)
    numpy.subtract.at(change, numpy.minimum(rows, gone[lasts]), units)
    numpy.add.at(change, numpy.arange(reuse.requests), reuse.left)
    numpy.subtract.at(change, gone, reuse.left)
    return int(numpy.cumsum(change).max())


# --- counted from the write ----------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """Units of a path from `start` to `stop` that were written together: when, in microseconds, by time to live."""

    start: int
    stop: int
    written: Ints


def from_write(
    accesses: Iterable[Access], starts: Sequence[float], ttls: Sequence[float], chosen: Collection[int]
) -> list[int]:
    """Tokens that the chosen requests read, by time to live in seconds that counts from the write.

    A unit is in the hands of the request that was the last to use it; what was written together stays one piece until
    a request takes a part of it. So a request costs its pieces, whatever its length.
    """
    times, limits, counted = _microseconds(starts), _microseconds(ttls), set(chosen)
    held: list[list[Piece]] = []
    total = numpy.zeros(len(limits), dtype=numpy.int64)
    for row, access in enumerate(accesses):
        now = numpy.full(len(limits), times[row])
        pieces, worth, end = _taken(held, access)
        written = numpy.array([piece.written for piece in pieces], dtype=numpy.int64).reshape(-1, len(limits))
        alive = now - written <= limits
        if row in counted and worth:
            total += numpy.array(worth) @ numpy.logical_and.accumulate(alive[: len(worth)], axis=0)
        after = numpy.where(alive, written, now)
        mine = [Piece(piece.start, piece.stop, own) for piece, own in zip(pieces, after, strict=True)]
        place = pieces[-1].stop if pieces else 0
        held.append(_joined([*mine, Piece(place, end, now)] if place < end else mine))
    return [int(tokens) for tokens in total]


def _taken(held: Sequence[list[Piece]], access: Access) -> tuple[list[Piece], list[int], int]:
    """The pieces of a request's path that were there, out of the hands of their holders; what each of those that it can
    read is worth in tokens; and where its path ends."""
    pieces: list[Piece] = []
    worth: list[int] = []
    place = 0
    for number, (last, units, tokens) in enumerate((*access.runs, *access.behind)):
        if last != NEW:
            found = _take(held[last], place, place + units)
            pieces += found
            if number < len(access.runs):
                worth += [(piece.stop - piece.start) * tokens for piece in found]
        place += units
    return pieces, worth, place


def _take(pieces: list[Piece], start: int, stop: int) -> list[Piece]:
    """What of the pieces lies between; they keep the rest."""
    taken, left = [], []
    for piece in pieces:
        low, high = max(piece.start, start), min(piece.stop, stop)
        if low >= high:
            left.append(piece)
            continue
        taken.append(Piece(low, high, piece.written))
        if piece.start < low:
            left.append(Piece(piece.start, low, piece.written))
        if high < piece.stop:
            left.append(Piece(high, piece.stop, piece.written))
    pieces[:] = left
    return taken


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours that were written at the same times as one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].stop == piece.start and numpy.array_equal(found[-1].written, piece.written):
            found[-1] = Piece(found[-1].start, piece.stop, piece.written)
        else:
            found.append(piece)
    return found
