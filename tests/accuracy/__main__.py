"""Regenerates docs/accuracy.md from the recorded calls: `python -m tests.accuracy [FOLDER…]`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.accuracy.pairs import FULL_LOGS, pairs_in
from tests.accuracy.report import written

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "accuracy.md"


def main(arguments: list[str]) -> None:
    """With folders, their table goes to standard output; without, the page is written anew."""
    folders = [Path(argument) for argument in arguments] or [RECORDED / name for name in FULL_LOGS]
    text = written(pairs_in(folders))
    if arguments:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
