"""A vocabulary that counts as Claude's does, which is not published.

ctoc's report (2026-02-10) and ctok 1.3 (2026-09-01) asked Anthropic's own counts what its tokenizer does: a word
costs the same behind a blank and without one, up to three digits are one token, and punctuation takes no line
break along. All that is done here; cl100k's merges stand in for Claude's own, as many as come nearest.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from splintr import Tokenizer

LIKE_CLAUDE = {"cl100k_claude3": 29_500, "cl100k_claude4.7": 3_500}
"""How many of cl100k's first merges each has: Claude 3 to 4.6, and the tokenizer that came with 4.7.

Fitted on 2026-11-26 on recorded prompts and their bills. The first: 104 prompts of 47 recordings, half of them within
0.5 % of the bill. Chosen without each recording in turn it is the same number for 45 of 47, and the recordings left out
come to 0.5 % as well, nine of ten to 6.3 %. In 323 transcribed requests of Claude 4.5 and 4.6, which had no part in the
choice, prompts grow by 0.95 to 1.03 times its count, by model. The second rests on less, 9 prompts of 5 recordings:
3,250 and 3,500 are chosen, and prompts left out are half within 1.2 %; three recorded answers would have 4,000. With
both, the new tokenizer needs 1.25 times the tokens for code and 1.32 for prose, as published (`tests/test_tokens.py`),
and 1.18 for JSON, of which 1.31 is published.
"""

CL100K_AND_MORE = "llama3"
"""Llama 3's first 100,256 merges are cl100k's, and those of other scripts follow: one vocabulary to load."""

OTHER_SCRIPTS = 105_000
"""Of so many of its first merges, those of letters that are no ASCII are in both vocabularies besides.

No recording has other scripts. Chosen on 2026-11-26 by published counts of one text in Chinese, Russian, Arabic and
Hindi (A. Komatsuzaki, 2026-04-29: 1.43, 1.56, 2.18 and 2.36 of Claude's tokens for one of o200k): 3 % to 18 % off.
"""

ALIKE = re.compile(
    rb" ?[A-Za-z\x80-\xff]+|\d{1,3}| ?[^\sA-Za-z\d\x80-\xff]+|\s+|'(?:[sdmt]|ll|ve|re)|\\[nt]"
)  # letters, digits, punctuation or white space, but for what an apostrophe shortens and JSON's line breaks
WORD = re.compile(rb" [A-Za-z\x80-\xff]")
FOREIGN = re.compile(rb" ?[\x80-\xff]+")


def like_claude(encoding: str) -> Tokenizer:
    """The tokenizer of one of LIKE_CLAUDE. No text is special to it."""
    import splintr  # noqa: PLC0415 (a tokenizer is loaded only where one is needed)

    pieces = dict.fromkeys(claude_pieces(LIKE_CLAUDE[encoding]))
    lines = [b"%s %d\n" % (b2a_base64(piece, newline=False), rank) for rank, piece in enumerate(pieces)]
    return splintr.Tokenizer.from_bytes(b"".join(lines), splintr.CL100K_BASE_PATTERN)


def claude_pieces(merges: int) -> Iterator[bytes]:
    """The tokens of a vocabulary of so many merges, the first to be merged first; some come twice."""
    import splintr  # noqa: PLC0415

    token_bytes = splintr.Tokenizer.from_pretrained(CL100K_AND_MORE).decode_token_bytes
    tokens = list(map(token_bytes, range(OTHER_SCRIPTS)))
    for token in filter(ALIKE.fullmatch, tokens[:merges]):
        yield token
        if WORD.match(token):
            yield token[1:]
    yield from (b"%0*d" % (digits, number) for digits in (1, 2, 3) for number in range(10**digits))
    for token in tokens[merges:]:
        if not token.isascii() and FOREIGN.fullmatch(token):
            yield from (token, token.lstrip())


def made_of(encoding: str) -> str:
    """A word that changes with what one of LIKE_CLAUDE is made of: kept counts go by it."""
    recipe = LIKE_CLAUDE[encoding], OTHER_SCRIPTS, CL100K_AND_MORE, ALIKE.pattern, WORD.pattern, FOREIGN.pattern
    return f"{crc32(repr(recipe).encode()):08x}"
