"""Counts the tokens of text with a tokenizer that needs no download."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol, cast

from agentcost.errors import UsageError
from agentcost.tokens.claude import LIKE_CLAUDE, like_claude, made_of
from agentcost.tokens.given import PREFIX, path_of

if TYPE_CHECKING:
    import tiktoken
    from splintr import AnyTokenizer, Tokenizer

Engine = Literal["splintr", "tiktoken"]

TIKTOKEN_RANKS = {"o200k_base": 199_998, "o200k_harmony": 199_998, "cl100k_base": 100_256}
"""The encodings tiktoken defines, with their number of mergeable ranks."""

BATCH_CHARACTERS = 1 << 20
"""A batch this long keeps two threads busy, and its token ids in a few megabytes."""

TIKTOKEN_LONGEST_SPACE = 500_000
"""tiktoken panics at about 996,000 white-space characters in a row; well below that splintr counts."""

SPACE = re.compile(r"\s+")


class Counter(Protocol):
    """Counts tokens of text in one encoding; text that spells a special token is ordinary text."""

    encoding: str
    version: str

    def count(self, text: str) -> int:
        """The number of tokens of any str, lone surrogates included."""

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count` of every text, in order; the fast way to count many."""


def counter(encoding: str, engine: Engine = "splintr", threads: bool = True) -> Counter:
    """The counter of an encoding; its vocabulary is loaded once in a process.

    tiktoken knows only OpenAI's encodings: others are counted by splintr, as `version` says. Pass
    `threads=False` in workers: their cores are busy, and splintr's threads do not survive a fork.
    Raises UsageError for an encoding neither engine ships.
    """
    splintr_counter = SplintrCounter(encoding, threads)
    if engine == "splintr" or encoding not in TIKTOKEN_RANKS:
        return splintr_counter
    return TiktokenCounter(splintr_counter)


def version_of(encoding: str, engine: Engine = "splintr") -> str:
    """The `version` of the counter of an encoding, without loading its vocabulary: where every count is known."""
    if engine == "splintr" or encoding not in TIKTOKEN_RANKS:
        import splintr  # noqa: PLC0415

        made = f" {made_of(encoding)}" if encoding in LIKE_CLAUDE else ""
        return f"splintr {splintr.__version__}{made}"
    import tiktoken  # noqa: PLC0415

    return f"tiktoken {tiktoken.__version__}"


@cache
def splintr_tokenizer(encoding: str) -> AnyTokenizer | Tokenizer:
    """splintr's tokenizer of this name."""
    import splintr  # noqa: PLC0415 (a tokenizer is loaded only where one is needed)

    if encoding in LIKE_CLAUDE:
        return like_claude(encoding)
    if encoding.startswith(PREFIX):
        path = path_of(encoding)
        try:
            return splintr.from_json(path)
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(f"--tokenizer {path}: no tokenizer.json that can be read ({error})") from error
    try:
        return splintr.Tokenizer.from_pretrained(encoding)
    except ValueError as error:
        raise UsageError(f"no tokenizer is called {encoding!r}: {error}") from error


class SplintrCounter:
    """Counts with splintr-rs, in batches on all cores where that is safe."""

    def __init__(self, encoding: str, threads: bool) -> None:
        self.tokenizer = splintr_tokenizer(encoding)
        self.encoding = encoding
        self.version = version_of(encoding)
        # SentencePiece vocabularies match tokens in a batch (HTML tags in Gemma's) that they do not list.
        whole = None if encoding in LIKE_CLAUDE else cast("AnyTokenizer", self.tokenizer)
        self.threads = threads and (whole is None or whole.family == "BPE")
        # Only batches use threads, and a batch would turn a spelled special token into one token. Every
        # special token begins with one of these character pairs, so texts without them are safe.
        self.special_starts = sorted({special[:2] for special in (whole.special_tokens() if whole else ())})

    def count(self, text: str) -> int:
        """The number of tokens of any str, lone surrogates included."""
        try:
            return len(self.tokenizer.encode_ordinary(text))
        except UnicodeEncodeError:
            return len(self.tokenizer.encode_ordinary(well_formed(text)))

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count` of every text, in order; the fast way to count many."""
        if not self.threads:
            return [self.count(text) for text in texts]
        counts = [0] * len(texts)
        batchable: list[int] = []
        for place, text in enumerate(texts):
            if self.may_spell_special(text):
                counts[place] = self.count(text)
            else:
                batchable.append(place)
        for batch in batches(batchable, texts):
            for place, count in zip(batch, self.count_batch([texts[place] for place in batch]), strict=True):
                counts[place] = count
        return counts

    def count_batch(self, texts: list[str]) -> Iterator[int]:
        """Counts of texts that spell no special token."""
        try:
            _, row_ends = self.tokenizer.encode_batch_flat(texts)
        except UnicodeEncodeError:
            _, row_ends = self.tokenizer.encode_batch_flat([well_formed(text) for text in texts])
        return (end - start for start, end in pairwise(memoryview(row_ends).cast("Q")))

    def may_spell_special(self, text: str) -> bool:
        """Whether the text holds the start of a special token."""
        return any(start in text for start in self.special_starts)


class TiktokenCounter:
    """Counts with tiktoken, the reference, from the ranks that splintr ships."""

    def __init__(self, fallback: SplintrCounter) -> None:
        self.fallback = fallback
        self.encoding = fallback.encoding
        self.version = version_of(self.encoding, "tiktoken")
        self.tokenizer = tiktoken_encoding(self.encoding)

    def count(self, text: str) -> int:
        """The number of tokens of any str, lone surrogates included."""
        if len(text) >= TIKTOKEN_LONGEST_SPACE and longest_space(text) >= TIKTOKEN_LONGEST_SPACE:
            return self.fallback.count(text)
        return len(self.tokenizer.encode_ordinary(text))

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count` of every text, in order. tiktoken gains nothing from threads."""
        return [self.count(text) for text in texts]


@cache
def tiktoken_encoding(encoding: str) -> tiktoken.Encoding:
    """tiktoken's encoding of the same name, built without a download; it knows no special tokens."""
    import splintr  # noqa: PLC0415
    import tiktoken  # noqa: PLC0415

    pattern = splintr.CL100K_BASE_PATTERN if encoding == "cl100k_base" else splintr.O200K_BASE_PATTERN
    return tiktoken.Encoding(encoding, pat_str=pattern, mergeable_ranks=mergeable_ranks(encoding), special_tokens={})


def mergeable_ranks(encoding: str) -> dict[bytes, int]:
    """The bytes of every ordinary token and its rank, as OpenAI publishes them."""
    token_bytes = splintr_tokenizer(encoding).decode_token_bytes
    return {token_bytes(rank): rank for rank in range(TIKTOKEN_RANKS[encoding])}


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced and pairs joined, exactly as tiktoken does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def longest_space(text: str) -> int:
    """The length of the longest run of white space."""
    return max((found.end() - found.start() for found in SPACE.finditer(text)), default=0)


def batches(places: Sequence[int], texts: Sequence[str]) -> Iterator[list[int]]:
    """Cut places into runs whose texts hold about BATCH_CHARACTERS characters."""
    batch: list[int] = []
    size = 0
    for place in places:
        batch.append(place)
        size += len(texts[place])
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
