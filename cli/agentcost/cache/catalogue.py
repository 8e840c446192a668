"""The policies that agentcost knows, read from data/policies.toml.

A policy's table may begin `like = "another"`: it then has the other's values but for its own, and its own source.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from agentcost.cache.policy import ForModels, Policy, Switch
from agentcost.cache.switches import Tree, apply, unknown
from agentcost.errors import UsageError

OWN = ("title", "source", "checked", "mark")
"""What no policy takes from another."""


@cache
def load_policies() -> Mapping[str, Policy]:
    """Every policy by its name, in the order of the file."""
    return parse((files("agentcost") / "data" / "policies.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def policy_named(name: str) -> Policy:
    """The policy of that name, with the switches that stand behind it: `anthropic,anthropic.lookback=21`. UsageError
    names the nearest."""
    policies, (own, *switches) = load_policies(), name.split(",")
    if own not in policies:
        raise UsageError(
            unknown(own, policies, f"{own}: no such cache policy (`agentcost policies` lists them)", "policies")
        )
    pairs = [switch.partition("=") for switch in switches]
    policy = apply(policies[own], {switch.strip(): value.strip() for switch, _, value in pairs})
    return replace(policy, name=name) if switches else policy


def parse(text: str) -> Mapping[str, Policy]:
    """The policies of a file. ValueError, which names the policy, where it is not as it should be."""
    tables = tomllib.loads(text, parse_float=Decimal)
    switches = msgspec.convert(tables.get("switches", []), tuple[Switch, ...])
    _check_keys(list(tables.get("switches", [])), msgspec.to_builtins(switches), "switches")
    raw: Mapping[str, dict[str, Tree]] = tables["policies"]
    absent = {name for switch in switches for name in switch.policies} - set(raw)
    if absent:
        raise ValueError(f"switches of policies that are not there: {', '.join(sorted(absent))}")
    return MappingProxyType({name: _policy(name, raw, switches) for name in raw})


def _policy(name: str, raw: Mapping[str, dict[str, Tree]], switches: tuple[Switch, ...]) -> Policy:
    table = _whole(name, raw)
    own = [switch for switch in switches if not switch.policies or name in switch.policies]
    try:
        policy = msgspec.convert(table | {"name": name, "switches": own}, Policy)
    except msgspec.ValidationError as error:
        raise ValueError(f"policy {name}: {error}") from error
    _check_keys(table, msgspec.to_builtins(policy), f"policy {name}")
    for pattern in _patterns(policy):
        re.compile(pattern)
    if len({switch.name for switch in own}) < len(own):
        raise ValueError(f"policy {name}: two switches of one name")
    return policy


def _patterns(policy: Policy) -> list[str]:
    tables: tuple[Sequence[ForModels], ...] = (policy.minimums, policy.ttls, policy.reads)
    return [row.models for rows in tables for row in rows]


def _whole(name: str, raw: Mapping[str, dict[str, Tree]]) -> dict[str, Tree]:
    """A policy's table with what it takes from the one it is like."""
    own = dict(raw[name])
    missing = [key for key in OWN if not own.get(key)]
    if missing:
        raise ValueError(f"policy {name}: no {', '.join(missing)}")
    other = own.pop("like", None)
    if not isinstance(other, str):
        return own
    if other not in raw:
        raise ValueError(f"policy {name}: like {other}, which is not there")
    return _whole(other, raw) | own


def _check_keys(given: Tree, known: Tree, where: str) -> None:
    """ValueError for a key of the file that no field took."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                raise ValueError(f"{where}: unknown key {key}")
            _check_keys(value, known[key], f"{where}: {key}")
    elif isinstance(given, list) and isinstance(known, list | tuple):
        for one, other in zip(given, known, strict=True):
            _check_keys(one, other, where)
