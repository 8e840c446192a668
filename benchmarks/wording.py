"""Writes text that looks like an agent's: prose, code, search results, logs and JSON, from a seeded vocabulary.

No line is drawn from a list: every line fills the gaps of a pattern with words, names, numbers and paths of its
session, so that a tokenizer meets new text and a cache of counts does not.

    12→    resolved_entry = self.pending_request.merge(ledger, retry_limit)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

FUNCTION_WORDS = """the of and to in is that it for on with as this be are by an at from or not which when if then so
but has its can will was into only there after before each every because while until where have been does should"""

WORDS = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split()

SUFFIXES = ("py", "py", "py", "ts", "tsx", "rs", "go", "md", "toml", "json", "yaml", "sql")
FOREIGN = ("naïve", "façade", "Zürich", "→", "—", "…", "“quoted”", "✓", "Größe", "数据", "キャッシュ", "é")
"""What is not ASCII in real logs: arrows, dashes, ticks, names."""

PROSE = (
    "The {word} of `{name}` {small} {small} {word} {small} the {word} {word}, {small} {small} {number} {word}s. ",
    "I'll {word} {path} {small} {word} `{name}` {small} the {word} {small} {word}ed {small} {word}. ",
    "{Name} {small} {word}s the {word} {small} {small} {word} {small} {foreign} {word}; {small} {word} {small} it. ",
    "When {small} {word} is {word}ed {small} {small} {word}, the {word} {word} {small} `{name}()` {small} {word}. ",
    "\n- **{word} {word}**: {small} {word} {small} {word} {small} `{path}:{number}` {small} {small} {word}",
    "\n- `{name}` {small} {small} {word} {word} {small} {word} ({number} {word}s, {small} {word} {word})",
    "\n\n## {Name} {word} {word}\n\n{Name} {small} {small} {word} {word} {small} {word}. ",
    "It {small} {word} {small} {word} {small} {small} {word}, {small} the {word} {small} {word} {word}. ",
)

CODE = (
    "    {name} = self.{name}.{word}({name}, {name})",
    "        if {name}.{word} is None or {name} >= {number}:",
    '            raise {Name}Error(f"{word} {word}: {{{name}!r}} {small} {word}")',
    "    def {name}(self, {name}: {Name}, {word}: int = {number}) -> {Name}:",
    '        """{Name} {small} {word} {small} the {word} {word} {small} {word}."""',
    '        return [{word}.{name} for {word} in {name} if {word}.{word} != "{word}"]',
    "    # {word} {small} {small} {word}, {small} {word} {small} {word} {word}",
    "",
    "        for {word}, {name} in enumerate({name}.{word}s()):",
    '            {name}[{word}] = {name}.get("{name}", {number})',
    "from {word}.{word}.{name} import {Name}, {name}",
    "        assert {name}({number}, {word}={number}) == {Name}({name}={number})",
    "        with {name}.{word}({name}={Name}.{word}) as {word}:",
    "    const {name} = await {word}.{name}<{Name}>({{ {word}: {name}, {word}: {number} }});",
    "        {word}[{number}:{number}], {word}.{word} = {word}({word}[-{day}], {word}[{word} + 1:]), {{}}",
    "        if (({word} & 0x{hex}) != {number}) {{ {word}->{word}[{word}++] = {name} << {day}; }}",
    "    }},",
    "    let {name}: Vec<{Name}> = {word}.iter().map(|{word}| {word}.{name}()).collect();",
)

SEARCH = ("{path}:{number}:    {name} = {word}.{name}({number})", "{path}:{number}:def {name}({name}, {word}):")
LISTING = ("{path}", "-rw-r--r--  1 {word} {word}  {number} Nov {number} {path}")
LOG = (
    "2026-10-{day}T{hour}:{minute}:{minute}Z INFO [{word}] {small} {word} {hex}-{hex} {name}={number} {day}.{day}ms",
    "2026-10-{day} {hour}:{minute}:{minute},{number} WARNING {word}.{word}: {name} {small} {word} ({hex})",
    "{path}::test_{name} PASSED [ {day}%] ({number}.{day}s)",
    "E       AssertionError: assert {number} == {number}  +  where {number} = {name}({number})",
    '  File "{path}", line {number}, in {name}',
)
DIFF = ("-    {name} = {word}.{name}({number})", "+    {name} = {word}.{name}({name}, {number})",
        "@@ -{number},7 +{number},9 @@ {name}",
        "     {name}.{word}({name})", "index {hex}..{hex} 100644")  # fmt: skip
JSON = (
    '    {{"id": "{hex}{hex}", "{word}": "{name}", "{word}_{word}": {number}, "at": "10-{day}T{hour}:{minute}"}},',
    '    {{"sha": "{hex}{hex}{hex}", "{word}": {number}.{day}, "url": "https://{word}.example/{number}", "ok": true}},',
    '    {{"title": "{Name} {small} {word} {word}", "author": "{name}", "labels": ["{word}"], "comments": {day}}},',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line with gaps, and the words that may fill each."""

    line: str
    pools: tuple[Sequence[str], ...]


class Wording:
    """Text of one session, from its own names, paths, numbers and hashes; equal seeds write equal text."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        pools = vocabulary(self.random)
        self.pools = pools
        self.patterns: Mapping[str, list[Pattern]] = {
            kind: [compiled(line, pools) for line in lines] for kind, lines in KINDS.items()
        }

    def text(self, kind: str, size: int) -> str:
        """At least `size` characters of a kind, to the end of a line."""
        choice = self.random.choice
        patterns, number = self.patterns[kind], count(int(self.random.random() * 400) + 1)
        ends, numbered = ("", False) if kind == "prose" else ("\n", kind == "file")
        lines: list[str] = []
        while size > 0:
            pattern = choice(patterns)
            line = pattern.line % tuple(map(choice, pattern.pools)) + ends
            lines.append(f"{next(number):6}→{line}" if numbered else line)
            size -= len(lines[-1])
        return "".join(lines)

    def between(self, low: float, high: float) -> int:
        """A number from low to high."""
        return int(low + (high - low) * self.random.random())

    def any(self, pool: str) -> str:
        """A word of a pool."""
        return self.random.choice(self.pools[pool])

    def hex(self, digits: int) -> str:
        """Hexadecimal digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"


KINDS: Mapping[str, tuple[str, ...]] = {
    "prose": PROSE, "code": CODE, "file": CODE, "search": SEARCH, "listing": LISTING,
    "log": LOG, "diff": DIFF, "json": JSON,
}  # fmt: skip
"""Line patterns by kind of text; a file is code with line numbers."""


def vocabulary(random: Random) -> dict[str, Sequence[str]]:
    """The pools of one session: what its repository calls things."""
    choice = random.choice

    def identifier() -> str:
        words = [choice(WORDS) for _ in range(choice((1, 2, 2, 3)))]
        return "_".join(words) if random.random() < 0.6 else words[0] + "".join(word.title() for word in words[1:])

    def path() -> str:
        folders = [choice(WORDS) for _ in range(choice((1, 2, 3)))]
        return f"src/{'/'.join(folders)}/{choice(WORDS)}_{choice(WORDS)}.{choice(SUFFIXES)}"

    return {
        "small": FUNCTION_WORDS.split(),
        "word": WORDS,
        "name": [identifier() for _ in range(1500)],
        "Name": [choice(WORDS).title() + choice(WORDS).title() for _ in range(500)],
        "path": [path() for _ in range(250)],
        "number": [str(int(10 ** (0.3 + 4.2 * random.random()))) for _ in range(1500)],
        "hex": [f"{random.getrandbits(48):012x}" for _ in range(400)],
        "day": [f"{number:02}" for number in range(1, 32)],
        "hour": [f"{number:02}" for number in range(24)],
        "minute": [f"{number:02}" for number in range(60)],
        "foreign": (*FOREIGN, *(["the", "a"] * 20)),
    }


def compiled(line: str, pools: Mapping[str, Sequence[str]]) -> Pattern:
    """A pattern of `{pool}` gaps as a %-format and the pool of each gap."""
    found: list[Sequence[str]] = []

    class Gaps(dict[str, str]):
        def __missing__(self, name: str) -> str:
            found.append(pools[name])
            return "%s"

    return Pattern(line.replace("%", "%%").format_map(Gaps()), tuple(found))
