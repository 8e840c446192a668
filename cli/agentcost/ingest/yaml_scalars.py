"""Scalars of YAML: quotes and escapes, folded and literal lines, and what a word without quotes stands for."""

from __future__ import annotations

import re
from typing import Any

_FOLD = re.compile(r"[ \t]*\n[ \t]*((?:[ \t]*\n[ \t]*)*)")
_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<one>.))", re.DOTALL
)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", "N": "\x85",
    "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=e))(?:e[-+]?[0-9]+)?", re.IGNORECASE)


def quoted_text(quoted: str) -> str:
    """What stands between quotes: lines folded, escapes resolved."""
    if quoted[0] == "'":
        return _FOLD.sub(_fold, quoted[1:-1]).replace("''", "'")
    inner = re.sub(r"(?<!\\)((?:\\\\)*)\\\n[ \t]*", r"\1", quoted[1:-1])  # a line that ends in a backslash goes on
    return unescaped(_FOLD.sub(_fold, inner))


def joined(lines: list[str]) -> str:
    """The lines of a scalar without quotes as one text."""
    return _FOLD.sub(_fold, "\n".join(lines).rstrip("\n"))


def _fold(match: re.Match[str]) -> str:
    """A line break is a space; every empty line behind it is a line break."""
    return "\n" * match.group(1).count("\n") or " "


def unescaped(text: str) -> str:
    """The text with its escapes resolved; two that are a pair of surrogates, as JSON has them, are one character."""
    plain = _ESCAPE.sub(_escaped, text) if "\\" in text else text
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "\\u" in text else plain


def _escaped(match: re.Match[str]) -> str:
    code = match["x"] or match["u"] or match["long"]
    if code:
        return chr(int(code, 16))
    return _ESCAPES.get(match["one"], match["one"])


def folded(lines: list[str]) -> str:
    """Lines of a folded block: breaks between lines of text are spaces."""
    text = "\n".join(lines)
    bare = text.rstrip("\n")
    flowing = re.sub(r"(?<=[^\n])\n(\n*)(?=[^\s])", lambda breaks: breaks[1] or " ", bare)
    return flowing + "\n" * (len(text) - len(bare))


def chomped(text: str, marks: str, any_lines: bool) -> str:
    """The breaks at the end: none with `-`, all with `+`, else one."""
    if "+" in marks:
        return text + "\n" if any_lines else ""
    bare = text.rstrip("\n")
    return bare if "-" in marks or not bare else bare + "\n"


def resolved(text: str) -> Any:
    """A scalar without quotes as what it is."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
