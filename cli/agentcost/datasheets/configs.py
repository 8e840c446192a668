"""The fields of a config.json: read by any of their names, and named where they are missing."""

from __future__ import annotations

import msgspec

from agentcost.datasheets.reading import Toml
from agentcost.errors import UsageError

LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
QUERY_HEADS = ("num_attention_heads", "n_head", "num_heads")
HIDDEN = ("hidden_size", "n_embd", "d_model")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "multi_query_group_num")
"""Other names of the same number; the first that is there counts."""


class Config(msgspec.Struct, frozen=True):
    """The fields of a config.json and how the user named it."""

    name: str
    fields: dict[str, Toml]

    def number(self, *names: str) -> int | None:
        """The first of these fields that holds a whole number above zero."""
        return next(
            (value for name in names if type(value := self.fields.get(name)) is int and value > 0), None
        )  # fmt: skip

    def must(self, *names: str) -> int:
        """`number`. UsageError names the field where it is missing."""
        found = self.number(*names)
        if found is None:
            raise UsageError(f"--hf-config {self.name}: no {names[0]}, and the cache cannot be told without it")
        return found

    def text(self, name: str) -> str:
        """A field that holds text, else ""."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def array(self, name: str) -> list[Toml]:
        """A field that holds a list, else an empty one."""
        value = self.fields.get(name)
        return value if isinstance(value, list) else []

    def inner(self, name: str) -> Config:
        """The fields of a table within, or none."""
        value = self.fields.get(name)
        return Config(f"{self.name}: {name}", value if isinstance(value, dict) else {})

    @property
    def layers(self) -> int:
        """The layers of the model; lists of layers may go on with draft layers, and are cut there."""
        return self.must(*LAYERS)
