"""What several reports tell is one figure, under one definition."""

from __future__ import annotations

import re

import pytest
from tests.gates import GATE, run
from tests.test_views import analysis, one_line

from agentcost.views.analyze import analyze

QUICKSTART = GATE.parent / "quickstart.jsonl"


@pytest.mark.parametrize("log", ["quickstart"])
def test_the_fixed_prefix_is_one_figure_in_report_table_and_gate(log: str) -> None:
    sizes = analysis(log).tables["sessions"]["fixed_prefix"].drop_nulls().sort().to_list()
    figure = run(QUICKSTART).figure("fixed_prefix_tokens")
    assert figure is not None
    assert figure.value == sizes[-1]
    told = re.search(
        r"([\d,]+) tokens stand before .* in a median session, ([\d,]+) at most", one_line(analyze(analysis(log), 80))
    )
    assert told
    assert [int(one.replace(",", "")) for one in told.groups()] == [sizes[(len(sizes) + 1) // 2 - 1], sizes[-1]]
