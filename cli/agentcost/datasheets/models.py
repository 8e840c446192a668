"""The open models, KV-cache formats and weight formats that are known (data/models.toml), looked up by name.

>>> architecture_of("meta-llama/Llama-3.3-70B-Instruct").id
'llama-3.1-70b'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from agentcost.datasheets.architecture import Architecture, KvFormat, NotModelled, PackedRecord, WeightsFormat
from agentcost.datasheets.reading import Toml, data_file, entries, entry_of
from agentcost.errors import UsageError

REFERENCE_TOKENS = 98_304
"""The prompt of which every model's bytes are known, to check its geometry."""

TYPICAL = (
    "qwen3-coder-30b-a3b", "llama-3.1-70b", "gpt-oss-120b", "minimax-m2", "qwen3.5-397b-a17b", "glm-5.2", "kimi-k2.5",
    "deepseek-v3.2", "deepseek-v4-pro",
)  # fmt: skip
"""Shown side by side where no model is named: one of each way to keep a cache, the smallest first."""

TYPICAL_ONE = "qwen3-coder-30b-a3b"
"""The model of the default report: coding agents run it, and one accelerator holds it."""


class ModelSheet(msgspec.Struct, frozen=True):
    """Everything of data/models.toml, by name."""

    architectures: Mapping[str, Architecture]
    formats: Mapping[str, KvFormat]
    records: Mapping[str, PackedRecord]
    weights: Mapping[str, WeightsFormat]
    not_modelled: Mapping[str, NotModelled]


@cache
def model_sheet() -> ModelSheet:
    """The shipped sheet."""
    return parse(data_file("models.toml"))


def parse(tables: Mapping[str, Toml]) -> ModelSheet:
    """A sheet from its tables. ValueError, which names the entry, where it is not as it should be."""
    sheet = ModelSheet(
        _by(entries(tables, "model", Architecture), "id"),
        _by(entries(tables, "kv_format", KvFormat), "name"),
        _by(entries(tables, "record", PackedRecord), "name"),
        _by(entries(tables, "weights_format", WeightsFormat), "name"),
        _by(entries(tables, "not_modelled", NotModelled), "id"),
    )
    for format_ in sheet.formats.values():
        named = [format_.mla, format_.mla_sparse, format_.index_mla, format_.index_full, *_flat(format_.latent)]
        missing = sorted({name for name in named if name} - set(sheet.records))
        if missing:
            raise ValueError(f"kv_format {format_.name}: no record {', '.join(missing)}")
    for model in sheet.architectures.values():
        layers = sum(group.count for group in model.layer_groups if group.kind != "indexer")
        if layers != model.num_layers:
            raise ValueError(f"model {model.id}: its groups have {layers} layers, not {model.num_layers}")
    return sheet


def architecture_of(name: str) -> Architecture:
    """The model of that name, however a provider, router or cloud writes it. UsageError names the nearest ones."""
    own = entry_of("models.toml", "model", name.lower(), Architecture)
    if own:
        return own
    sheet, known = model_sheet(), _names()
    for spelling in spellings(name):
        if spelling in known:
            return sheet.architectures[known[spelling]]
        if spelling in sheet.not_modelled:
            found = sheet.not_modelled[spelling]
            raise UsageError(f"{name}: not modelled: {found.reason}; pass its config.json with --hf-config")
    near = get_close_matches(next(reversed([*spellings(name)])), [*known], n=6, cutoff=0.5)
    ids = list(dict.fromkeys(known[alias] for alias in near))[:3]
    hint = f"did you mean {', '.join(ids)}?" if ids else "`agentcost models` lists them;"
    raise UsageError(f"{name}: no such model; {hint} kv --hf-config takes any config.json of Hugging Face")


def format_of(name: str) -> KvFormat:
    """The KV format of that name or engine flag; `K/V` names two of llama.cpp's, for keys and for values."""
    keys, _, values = name.partition("/")
    if values:
        return _paired(format_of(keys), format_of(values))
    own = entry_of("models.toml", "kv_format", name.lower(), KvFormat)
    return own or _found(name, model_sheet().formats, "KV format", "--kv-dtype")


def weights_of(name: str) -> WeightsFormat:
    """The weight format of that name. UsageError names the nearest."""
    own = entry_of("models.toml", "weights_format", name.lower(), WeightsFormat)
    return own or _found(name, model_sheet().weights, "weight format", "--weights-dtype")


def spellings(name: str) -> Iterator[str]:
    """The name as tables write it: each time with more of what a provider adds left out."""
    lower = name.lower().strip()
    yield lower
    bare = re.sub(r"^[a-z]+\.(?=[a-z])", "", lower.rsplit("/", 1)[-1])
    yield bare
    bare = re.sub(r"(?<=\d)p(?=\d)", ".", bare)
    while (short := _SUFFIX.sub("", bare)) != bare:
        bare = short
    if bare.startswith("qwen"):
        bare = bare.removesuffix("-thinking")
    yield bare
    if not bare.startswith("mistral-"):
        yield re.sub(r"-(\d{4}|\d{6})$", "", bare)


_SUFFIX = re.compile(
    r"(-(instruct|it|chat|hf|base|maas|turbo|fast|us|spot|fp8|fp4|nvfp4|awq|gptq|gguf|bf16|highspeed)|:0|@.*)$"
)


@cache
def _names() -> Mapping[str, str]:
    """Every spelling of every model, and the model's id. A model's own names go before those of others."""
    found: dict[str, str] = {}
    for depth in (1, 2, 4):
        for model in model_sheet().architectures.values():
            for alias in (model.id, *model.aliases):
                for spelling in list(spellings(alias))[:depth]:
                    found.setdefault(spelling, model.id)
    return MappingProxyType(found)


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


Named = TypeVar("Named", bound=_Named)


def _found(name: str, known: Mapping[str, Named], what: str, option: str) -> Named:
    wanted = name.lower()
    for entry in known.values():
        if wanted == entry.name or wanted in entry.aliases:
            return entry
    near = get_close_matches(wanted, [*known], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"{option} {name}: no such {what}; {hint}")


def _paired(keys: KvFormat, values: KvFormat) -> KvFormat:
    """Keys in one format and values in another, as llama.cpp takes them."""
    for one in (keys, values):
        if one.name != "bf16" and not one.flags[0].startswith("llama.cpp"):
            raise UsageError(f"--kv-dtype {keys.name}/{values.name}: only llama.cpp takes two, and not {one.name}")
    return replace(
        keys, name=f"{keys.name}/{values.name}", v_bits=values.v_bits, v_extra=values.v_extra, block=32,
        v_block_scale_bytes=values.block_scale_bytes, expect_128=None, mla="", mla_sparse="", index_mla="",
        index_full="", latent={}, accuracy=f"keys: {keys.accuracy}; values: {values.accuracy}",
    )  # fmt: skip


Keyed = TypeVar("Keyed")


def _by(rows: tuple[Keyed, ...], key: str) -> Mapping[str, Keyed]:
    found = {str(getattr(row, key)): row for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"two entries of one {key}")
    return MappingProxyType(found)


def _flat(latent: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    for names in latent.values():
        yield from names
