"""Policies under other assumptions: the rules on which sources conflict, set by name.

with_switch(policy_named("anthropic"), "anthropic.lookback", "21")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from agentcost.cache.policy import Policy, Switch
from agentcost.errors import UsageError

Tree = None | bool | int | float | str | list["Tree"] | tuple["Tree", ...] | dict[str, "Tree"]
"""A policy as plain values."""


def with_switch(policy: Policy, name: str, value: str) -> Policy:
    """The policy with one switch set. UsageError for an unknown switch or a value it cannot have."""
    own = {switch.name: switch for switch in policy.switches}
    if name not in own:
        raise UsageError(unknown(name, own, f"{policy.name} has no switch {name}", "its switches"))
    switch = own[name]
    tree: dict[str, Tree] = msgspec.to_builtins(policy)
    for path, given in _settings(switch, value).items():
        _put(tree, path.split("/"), given)
    _put(tree, ["switches", name, "value"], "" if value == switch.default else value)
    try:
        return msgspec.convert(tree, Policy, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{name}={value}: {str(error).partition(' - ')[0]}; the default is {switch.default}"
        ) from error


def apply(policy: Policy, values: Mapping[str, str]) -> Policy:
    """The policy with several switches set, in their order."""
    for name, value in values.items():
        policy = with_switch(policy, name, value)
    return policy


def unknown(name: str, known: Iterable[str], complaint: str, what: str) -> str:
    """A message that names the nearest known name, or all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"{complaint}; did you mean {near[0]}?" if near else f"{complaint}; {what}: {', '.join(names) or 'none'}"


def _settings(switch: Switch, value: str) -> Mapping[str, bool | int | str | tuple[str, ...]]:
    """The paths that a value sets, and to what."""
    if value in switch.choices:
        return switch.choices[value]
    if not switch.sets:
        raise UsageError(f"{switch.name}={value}: it is one of {', '.join(switch.choices)}")
    return dict.fromkeys(switch.sets, value)


def _put(tree: Tree, path: list[str], value: bool | int | str | tuple[str, ...]) -> None:
    """Set a value deep in a tree: `grid/block` by keys, `ttls/12h/write` through the row of that name."""
    for step in path[:-1]:
        tree = tree[step] if isinstance(tree, dict) else _named(tree, step)
    if not isinstance(tree, dict) or path[-1] not in tree:
        raise ValueError(f"a policy has nothing at {'/'.join(path)}")
    tree[path[-1]] = value


def _named(rows: Tree, name: str) -> Tree:
    if isinstance(rows, list | tuple):
        for row in rows:
            if isinstance(row, dict) and row.get("name") == name:
                return row
    raise ValueError(f"a policy has no row named {name}")
