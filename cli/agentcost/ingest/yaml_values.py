"""The YAML that recorders of HTTP write, as values: block and flow collections, every style of scalar, anchors.

    interactions:
    - request: {method: POST}
      response:
        body: {string: !!binary |
          H4sI…}

What programs write is read, not all that people may: no merge keys, no directives, no further documents, and a tag
other than `!!binary` changes nothing. Times stay text.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from agentcost.ingest.yaml_scalars import chomped, folded, joined, quoted_text, resolved, unescaped

Value = Any

_KEY = re.compile(r"""("(?:[^"\\]+|\\.)*+"|'(?:[^']|'')*+'|[^\s"'\[\]{}#&*!|>%@`,][^\n]*?)\s*:(?=\s|$)""")
_PROPERTY = re.compile(r"(?:!(?P<tag>[^\s,\[\]{}]*)|&(?P<anchor>[^\s,\[\]{}]+))(?:\s+|$)")
_DOUBLE = re.compile(r'"(?:[^"\\]+|\\.)*+"', re.DOTALL)
_SINGLE = re.compile(r"'(?:[^']+|'')*+'")
_HEADER = re.compile(r"(?P<style>[|>])(?P<one>[-+1-9]?)(?P<two>[-+1-9]?)\s*(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_FLOW_SCALAR = re.compile(r"[^,\[\]{}\n]*?(?=\s*(?:[,\[\]{}\n]|:\s|#|$))")


class NotYaml(ValueError):
    """A line that is in none of the styles that are read; counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is in no style of YAML that is read")


def load(text: str) -> Value:
    """The value of a document. ValueError where it is in none of the styles that are read."""
    return _Document(text).value()


class _Document:
    """A document that is being read: its lines, and the row it has come to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.row = 0
        self.anchors: dict[str, Value] = {}

    def value(self) -> Value:
        """The whole document."""
        while self.row < len(self.lines) and self.lines[self.row].startswith(("%", "---")):
            self.row += 1
        return self._node(-1)

    def _skip(self) -> int:
        """The indentation of the next line that says something; -1 at the end."""
        while self.row < len(self.lines):
            line = self.lines[self.row]
            stripped = line.lstrip(" ")
            if stripped.strip() and not stripped.startswith("#"):
                return -1 if line.startswith(("...", "--- ")) else len(line) - len(stripped)
            self.row += 1
        return -1

    def _node(self, parent: int) -> Value:
        """What stands deeper than `parent`, in lines of its own."""
        indent = self._skip()
        if indent <= parent:
            return None
        line = self.lines[self.row][indent:]
        if line == "-" or line.startswith("- "):
            return self._sequence(indent)
        if _KEY.match(line) or line.startswith("? "):
            return self._mapping(indent)
        return self._value(indent, max(parent, 0) if parent >= 0 else -1)

    def _sequence(self, indent: int) -> list[Value]:
        items = []
        while self._skip() == indent and (self.lines[self.row][indent:] + " ").startswith("- "):
            line = self.lines[self.row]
            rest = line[indent + 1 :]
            column = indent + 1 + len(rest) - len(rest.lstrip(" "))
            inner = line[column:]
            if inner.startswith("- ") or inner == "-" or (_KEY.match(inner) and not inner.startswith(("[", "{"))):
                self.lines[self.row] = " " * column + inner
                items.append(self._node(indent))
            else:
                items.append(self._value(column, indent))
        return items

    def _mapping(self, indent: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while self._skip() == indent:
            line = self.lines[self.row][indent:]
            if line.startswith("? "):
                key = self._value(indent + 2, indent)
                at = self._skip()
                if at != indent or not (self.lines[self.row][indent:] + " ").startswith(": "):
                    raise NotYaml(self.row + 1)
                found[str(key)] = self._value(indent + 2, indent)
                continue
            match = _KEY.match(line)
            if not match:
                raise NotYaml(self.row + 1)
            found[self._key(match.group(1))] = self._value(indent + match.end(), indent)
        return found

    @staticmethod
    def _key(text: str) -> str:
        if text[0] == '"':
            return unescaped(text[1:-1])
        return text[1:-1].replace("''", "'") if text[0] == "'" else text

    def _value(self, column: int, parent: int) -> Value:
        """What begins at a column of this row and belongs to a key or dash at the indentation `parent`."""
        line = self.lines[self.row]
        column += len(line[column:]) - len(line[column:].lstrip(" "))
        tag = anchor = ""
        while found := _PROPERTY.match(line, column):
            tag, anchor, column = found["tag"] or tag, found["anchor"] or anchor, found.end()
        value = self._untagged(line[column:], column, parent)
        if tag.endswith("binary") and isinstance(value, str):
            try:
                value = base64.b64decode("".join(value.split()))
            except binascii.Error as error:
                raise NotYaml(self.row) from error
        if anchor:
            self.anchors[anchor] = value
        return value

    def _untagged(self, rest: str, column: int, parent: int) -> Value:
        first = rest[:1]
        if not rest or first == "#":
            self.row += 1
            indent = self._skip()
            dashes = (
                indent == parent and (self.lines[self.row][indent:] + " ").startswith("- ") if indent >= 0 else False
            )
            return self._sequence(indent) if dashes else self._node(parent)
        if first in "\"'":
            return self._quoted(column, _DOUBLE if first == '"' else _SINGLE)
        if first in "[{":
            value, end = self._flow(self.starts[self.row] + column)
            self._go_behind(end)
            return value
        if first == "*":
            self.row += 1
            return self.anchors.get(rest[1:].strip())
        header = _HEADER.match(rest)
        return self._literal(header, parent) if header else self._plain(rest, parent)

    def _go_behind(self, end: int) -> None:
        while self.starts[self.row + 1] <= end - 1:
            self.row += 1
        self.row += 1

    def _quoted(self, column: int, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.starts[self.row] + column)
        if not match:
            raise NotYaml(self.row + 1)
        self._go_behind(match.end())
        return quoted_text(match.group())

    def _literal(self, header: re.Match[str], parent: int) -> str:
        marks = header["one"] + header["two"]
        digit = next((int(mark) for mark in marks if mark.isdecimal()), 0)
        self.row += 1
        indent = max(parent, 0) + digit if digit else -1
        lines: list[str] = []
        while self.row < len(self.lines):
            line = self.lines[self.row]
            depth = len(line) - len(line.lstrip(" "))
            if line.strip(" "):
                if indent < 0:
                    indent = depth
                if depth < indent or depth <= parent:
                    break
            lines.append(line[indent:] if indent >= 0 else "")
            self.row += 1
        if self.row == len(self.lines) and lines and not lines[-1]:
            lines.pop()  # behind the last line break there is no line
        return chomped(folded(lines) if header["style"] == ">" else "\n".join(lines), marks, bool(lines))

    def _plain(self, rest: str, parent: int) -> Value:
        """A scalar without quotes, over as many lines as are deeper than its parent."""
        lines = [_COMMENT.sub("", rest).strip()]
        self.row += 1
        alone = True
        while self.row < len(self.lines):
            line = self.lines[self.row]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= parent:
                break
            alone = alone and not line.strip()
            lines.append(line.strip())
            self.row += 1
        text = joined(lines)
        return resolved(text) if alone else text

    def _flow(self, at: int) -> tuple[Value, int]:
        """A value of a flow collection that begins at an offset, and the offset behind it."""
        at = self._ink(at)
        first = self.text[at : at + 1]
        if first in "\"'" and first:
            match = (_DOUBLE if first == '"' else _SINGLE).match(self.text, at)
            if not match:
                raise NotYaml(self._line(at))
            return quoted_text(match.group()), match.end()
        if first == "[":
            return self._flow_items(at + 1)
        if first == "{":
            return self._flow_pairs(at + 1)
        match = _FLOW_SCALAR.match(self.text, at)
        if not match:
            raise NotYaml(self._line(at))
        return resolved(match.group().strip()), match.end()

    def _flow_items(self, at: int) -> tuple[list[Value], int]:
        items: list[Value] = []
        while (at := self._ink(at)) < len(self.text):
            if self.text[at] == "]":
                return items, at + 1
            if self.text[at] == ",":
                at += 1
                continue
            value, end = self._flow(at)
            if end == at:
                break
            items.append(value)
            at = end
        raise NotYaml(self._line(at))

    def _flow_pairs(self, at: int) -> tuple[dict[str, Value], int]:
        pairs: dict[str, Value] = {}
        while (at := self._ink(at)) < len(self.text):
            if self.text[at] == "}":
                return pairs, at + 1
            if self.text[at] == ",":
                at += 1
                continue
            key, end = self._flow(at)
            if end == at:
                break
            at = self._ink(end)
            pairs[str(key)] = None
            if self.text[at : at + 1] == ":":
                pairs[str(key)], at = self._flow(at + 1)
        raise NotYaml(self._line(at))

    def _ink(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t\n":
            at += 1
        return at

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1
