"""The walls between modules: who may import whom, and every module has its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cli" / "agentcost"

WORDS = {"model", "errors", "units", "names", "files"}
RESULT = {"record", "results", "schema", "gate"}
PIPELINE = {
    "analyze", "study", "choices", "selection", "lineage", "tables", "tooltables", "fixedprefix", "against",
    "loading", "measuring", "caching", "whatifs", "costs", "repricing", "memory", "paths", "summing", "sharing",
}  # fmt: skip
READING = {"rendering", "ingest", "tokens", "prefix", "marks", "differences", "datasheets"}
SIMULATION = {"cache", "pricing", "kv", "capacity", "tiers", "prefill"}
SHOWING = {"views", "export", "judging"}
ENTRY = {"commands", "main", "__main__", "__init__"}
EVERYTHING = WORDS | RESULT | PIPELINE | READING | SIMULATION | SHOWING | ENTRY

MAY_IMPORT: dict[str, set[str]] = {
    # level 0: the words
    "model": set(),
    "errors": set(),
    "units": set(),
    "names": set(),
    "files": set(),
    "__init__": set(),
    "rendering": WORDS,
    # level 1: one subject each, and not each other
    "ingest": WORDS | {"rendering", "ingest"},
    "tokens": WORDS | {"tokens"},
    "prefix": WORDS,
    "marks": WORDS,
    "differences": WORDS,
    "datasheets": WORDS | {"datasheets"},
    **{name: WORDS | {name, "datasheets"} for name in SIMULATION},
    # level 2: what is kept
    "record": WORDS | {"prefix"},
    "results": WORDS,
    "schema": set(),
    "gate": WORDS | {"results", "gate"},
    # level 3: what runs the pipeline
    **dict.fromkeys(PIPELINE, WORDS | READING | SIMULATION | RESULT | PIPELINE | {"__init__"}),
    # level 4: what shows a result
    "views": WORDS | {"results", "gate", "views"},
    "export": WORDS | {"results", "schema", "__init__"},
    "judging": WORDS | RESULT | {"export", "judging"},
    # level 5: the command line
    "commands": EVERYTHING - {"main", "__main__"},
    "main": EVERYTHING,
    "__main__": {"main"},
}
"""By the first part of a module's name below the package, which others it may import. `__init__` holds the version."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def part(file: Path) -> str:
    """`ingest` of ingest/apis/gemini.py, `model` of model.py."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(code: str) -> Iterator[str]:
    """The parts of the package that code imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names = [node.module or ""]
            if node.module == "agentcost":
                names = [f"agentcost.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "agentcost":
                first = rest.partition(".")[0]
                known = first and ((PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file())
                yield first if known else "__init__"


def test_every_module_has_its_place() -> None:
    assert {part(file) for file in MODULES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_level_may(file: Path) -> None:
    assert set(imported(file.read_text(encoding="utf-8"))) <= MAY_IMPORT[part(file)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import agentcost.views.layout", ["views"]),
        ("from agentcost import __version__, tables", ["__init__", "tables"]),
        ("def f():\n    from agentcost.ingest.apis import APIS", ["ingest"]),
        ("if TYPE_CHECKING:\n    from agentcost.model import Request", ["model"]),
        ("import agentcost", ["__init__"]),
        ("import json\nfrom agentcosts import x", []),
    ],
)
def test_imports_are_found_wherever_they_stand(code: str, expected: list[str]) -> None:
    assert list(imported(code)) == expected
