"""What is wrong with a record, in words: `message.usage.input_tokens is text where a whole number belongs`."""

from __future__ import annotations

import re

_NAMES = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "nothing", "datetime": "a time",
}  # fmt: skip
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_WRONG = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_BEYOND = re.compile(r"Expected `(?P<wanted>[^`]+)` (?P<limit>[<>]=? \S+)")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")


def fault(error: Exception) -> str:
    """An error of msgspec in the words of this program; one that is worded otherwise stays as it is."""
    text = str(error)
    found = _PATH.search(text)
    where = found["path"] if found and found["path"] else "it"
    text = _PATH.sub("", text)
    if match := _WRONG.fullmatch(text):
        return f"{where} is {_named(match['got'])} where {_named(match['wanted'])} belongs"
    if match := _BEYOND.fullmatch(text):
        return f"{where} is not {_named(match['wanted'])} {match['limit']}"
    if match := _MISSING.fullmatch(text):
        return f"{where} has no {match['name']}"
    return str(error)


def _named(types: str) -> str:
    return " or ".join(_NAMES.get(name, name) for name in types.split(" | "))
