"""A price file that is not as it should be: the error names the line and the key."""

from __future__ import annotations

import pytest

from agentcost.errors import AgentcostError
from agentcost.pricing import read_price_file

GOOD = '[[prices]]\nmodel = "gpt-*"\ninput = 1\nread = 0.1\noutput = 2\n'


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[[prices]]\nmodel = \n", "f.toml:2", "no TOML"),
        ('[[prices]]\nmodel = "a"\ninput = -1\nread = 0\noutput = 1\n', "f.toml:3: input", "must not be negative"),
        ('[[prices]]\nmodel = "a"\ninput = nan\nread = 0\noutput = 1\n', "f.toml:3: input", "must not be negative"),
        ('[[prices]]\nmodel = "a"\ninput = 1\nread = 0\noutput = inf\n', "f.toml:5: output", "must not be negative"),
        ('[[prices]]\nmodel = "a"\ninput = 1\noutput = 1\n', "f.toml:1: read", "absent"),
        ('[[prices]]\nmodel = "a"\nread = 1\noutput = 1\n', "f.toml:1: input", "absent"),
        ('[[prices]]\nmodel = "a"\ninput = 1\nread = 1\n', "f.toml:1: output", "absent"),
        ("[[prices]]\nfactor = 0.5\n", "f.toml:1: model", "absent"),
        ('[[prices]]\nmodel = "a"\n', "f.toml:1", "either a factor"),
        ('[[prices]]\nmodel = "a"\nfactor = 1\ninput = 1\n', "f.toml:1", "either a factor"),
        ('[[prices]]\nmodel = "a"\nfactor = -0.1\n', "f.toml:3: factor", "must not be negative"),
        ('[[prices]]\nmodel = "a"\nfactor = "half"\n', "f.toml:3: factor", "nvalid decimal"),
        (GOOD + '\n[[prices]]\nmodel = "b"\ninput = "one"\nread = 1\noutput = 1\n', "f.toml:9: input", "ecimal"),
        (GOOD + "from = 1\n", "f.toml:6: from", "xpected `date"),
        (GOOD + "inputs = 1\n", "f.toml:6: inputs", "no such key"),
        (GOOD + "over = [{ tokens = 10, input = -2, output = 1 }]\n", "f.toml:6: ", "must not be negative"),
        ('[[prices]]\nmodel = "a"\nfactor = 1\nover = []\n', "f.toml:4: over", "need prices"),
        ('price = "x"\n', "f.toml:1", "unknown table"),
        ('[prices]\nmodel = "a"\n', "f.toml:1", "[[prices]]"),
        ('[[plans]]\nname = "a"\n', "f.toml:1: seat", "absent"),
        ('[[plans]]\nname = "a"\nseat = -1\n', "f.toml:3: seat", "must not be negative"),
        ('[[plans]]\nname = "a"\nseat = -1\n', "f.toml:3: seat: must", "must not be negative: -1"),
        (GOOD + "from = 2026-10-01\nuntil = 2026-10-01\n", "f.toml:7: until", "never hold"),
        ('[[plans]]\nname = "a"\nseat = 1\ncredits = 10\n', "f.toml:4: credits", "need credit"),
        ('[[billing]]\nuser = "a"\n', "f.toml:1: as", "absent"),
        ('[[billing]]\nuser = "a"\nas = "gift"\n', "f.toml:3: as", "no such way: gift; write api, seat or credits"),
        ('[[billing]]\nas = "seat"\nplan = "nowhere"\n', "f.toml:3: plan", "no such plan"),
        ('[[billing]]\nas = "credits"\n', "f.toml:1: plan", "absent"),
        ('[[billing]]\nuser = 5\nas = "api"\n', "f.toml:2: user", "a glob in quotes"),
    ],
)
def test_a_fault_names_line_and_key(text: str, where: str, what: str) -> None:
    with pytest.raises(AgentcostError) as error:
        read_price_file(text, "f.toml")
    assert f"--price-file {where}" in str(error.value)
    assert what in str(error.value)


def test_an_empty_file_says_nothing() -> None:
    book = read_price_file("", "f.toml")
    assert (book.prices, book.plans, book.billing) == ((), (), ())
