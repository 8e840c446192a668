"""Under which terms an answer says that it was served, where that is not what its request asked for.

    OpenAI       "service_tier": "default"                                      of a request for `flex`
    Anthropic    "usage": {"service_tier": "batch", "speed": "standard", "inference_geo": "us"}

The tier takes the place of the one that was asked for. Speed and region become the settings `served_speed` and
`served_inference_geo`, where they differ from what was asked for; the settings themselves stay: caches depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentcost.ingest.apis.contract import Body

_PLAIN = ("", "standard", "global", "not_available")
"""What an answer says of a request that asked for nothing."""


def served_tier(answer: Body | None, settings: Mapping[str, str]) -> str:
    """The tier of the answer, else the one that was asked for."""
    return _told(answer, "service_tier") or settings.get("service_tier", "")


def served_settings(answer: Body | None, settings: Mapping[str, str]) -> dict[str, str]:
    """Speed and region of the answer, each only where it is another than was asked for."""
    if not answer:
        return {}
    told = {name: _told(answer, name) for name in ("speed", "inference_geo")}
    return {
        f"served_{name}": value
        for name, value in told.items()
        if value and value != settings.get(name, "") and (name in settings or value not in _PLAIN)
    }


def _told(answer: Body | None, name: str) -> str:
    if not answer:
        return ""
    for holder in (answer.get("usage"), answer):
        value = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""
