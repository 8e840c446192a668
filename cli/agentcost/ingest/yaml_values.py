"""YAML as recorders of HTTP write it, as values: scalars as JSON has them, and bytes.

    interactions:
    - request: {method: POST}
      response:
        body: {string: !!binary |
          H4sI…}

PyYAML reads it, with the scalars of YAML 1.2: keys and times stay text, and a tag that is not known (an object of Ruby
or Python) changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml reads the same, slowly
    from yaml import SafeLoader  # type: ignore[assignment]  # the same interface

_CORE = "tag:yaml.org,2002:"
_KNOWN = ("null", "bool", "int", "float", "binary", "str", "seq", "map")
_RESOLVED = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
"""(what, pattern, first characters) of what is no text where it has no quotes."""


class _Loader(SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = _CORE + "str"
        return super().construct_mapping(node, deep)


_Loader.yaml_constructors = {_CORE + name: SafeLoader.yaml_constructors[_CORE + name] for name in _KNOWN}
_Loader.yaml_constructors["!binary"] = SafeLoader.yaml_constructors[_CORE + "binary"]  # as Ruby writes it
_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def load(text: str) -> Any:
    """The value of a document. ValueError, with the line, where it is no YAML."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise _told(error) from error


def listed(text: str, keys: Collection[str]) -> list[tuple[int, Any]] | None:
    """The items of the document's list under one of the keys, each with where it begins in the text: at its dash.

    None where there is no such list; ValueError, with the line, where the text is no YAML.
    """
    loader = _Loader(text)
    try:
        items = next((value for key, value in _pairs(loader.get_single_node()) if key.value in keys), None)
        if not isinstance(items, yaml.SequenceNode):
            return None
        starts = [item.start_mark.index for item in items.value]
        if not items.flow_style:
            starts = [text.rindex("-", 0, start) for start in starts]
        return [(start, loader.construct_document(item)) for start, item in zip(starts, items.value, strict=True)]
    except yaml.YAMLError as error:
        raise _told(error) from error


def _pairs(document: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return document.value if isinstance(document, yaml.MappingNode) else []


def _told(error: yaml.YAMLError) -> ValueError:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return ValueError(f"line {mark.line + 1}: {problem}" if mark else str(error))
