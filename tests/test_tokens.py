"""Counts against the reference, published vectors, and what is kept on disk."""

from __future__ import annotations

import base64
import hashlib
import stat
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from splintr import CL100K_BASE_PATTERN, AnyTokenizer

from agentcost.errors import AgentcostError, UsageError
from agentcost.model import Basis
from agentcost.names import bare_name
from agentcost.tokens import (
    Choice,
    Counts,
    Encoding,
    Engine,
    Shape,
    Template,
    built_in_tool_tokens,
    counter,
    document_tokens,
    encoding_of,
    image_tokens,
    overhead,
    state_tokens,
    template_of,
    tool_overhead,
)
from agentcost.tokens.claude import CL100K_AND_MORE, LIKE_CLAUDE, claude_pieces
from agentcost.tokens.counters import BATCH_CHARACTERS, mergeable_ranks, splintr_tokenizer, version_of, well_formed
from agentcost.tokens.encodings import ENCODINGS, UNKNOWN

OPENAI_ENCODINGS = ("o200k_base", "cl100k_base", "o200k_harmony")
SHIPPED = sorted({encoding.name for _, encoding in ENCODINGS} | {UNKNOWN.name})
DIGEST = bytes(range(16))
ROOT = Path(__file__).parents[1]

VECTORS = [
    ("Hello, world!", 4, 4),
    ("def f(x):\n    return x + 1\n", 11, 11),
    ('{"path": "/src/app.py", "line": 42}', 14, 14),
    ("f47ac10b-58cc-4372-a567-0e02b2c3d479", 23, 23),
    ("你好，世界", 3, 6),
    ("", 0, 0),
]

HOSTILE = [
    "\0",
    "a\0b\0",
    "<|endoftext|>",
    "say <|endoftext|> and <|im_start|>system<|im_end|><|return|><|call|>",
    "\ud800",
    "a\ud83d\ude00b\udc00",
    "👩‍👩‍👧‍👦🏳️‍🌈 é e\u0301 \u202eabc",
    "日本語のテキスト 中文 Русский العربية ไทย",
    "  \t\r\n\n \u00a0\u2003x  ",
    "I'LL don't we'VE",
    "a" * 1_000_000,
    "中" * 200_000,
    "\n" * 300_000,
    "\u0301" * 200_000,
    " " * 1_500_000,
    "x" + " " * 1_500_000 + "y",
]


@pytest.mark.parametrize(("text", "o200k", "cl100k"), VECTORS)
@pytest.mark.parametrize("engine", ["splintr", "tiktoken"])
def test_published_vectors(text: str, o200k: int, cl100k: int, engine: Engine) -> None:
    assert counter("o200k_base", engine).count(text) == o200k
    assert counter("cl100k_base", engine).count(text) == cl100k


@pytest.mark.parametrize("encoding", OPENAI_ENCODINGS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_engines_agree_on_hostile_text(encoding: str, text: str) -> None:
    assert counter(encoding).count(text) == counter(encoding, "tiktoken").count(text)


def test_runs_have_known_counts() -> None:
    assert counter("o200k_base").count("a" * 1_000_000) == 125_000
    assert counter("o200k_base", "tiktoken").count("\0" * 1_000) == 500
    assert counter("o200k_base", "tiktoken").count(" " * 1_500_000) == 11_720


PIECES = st.sampled_from(
    ["<|endoftext|>", "<|im_start|>", "<|", "|>", " " * 17, "\n\n", "\t", "don't", "def f(x):", '{"a": 1}', "12345"]
)
# Text with surrogates, mixed with what a tokenizer treats specially.
TEXTS = st.lists(PIECES | st.text(alphabet=st.characters(exclude_categories=()), max_size=20), max_size=8).map("".join)


@pytest.mark.parametrize("encoding", OPENAI_ENCODINGS)
@settings(max_examples=150)
@given(texts=st.lists(TEXTS, max_size=4))
def test_engines_and_batches_agree(encoding: str, texts: list[str]) -> None:
    reference = [counter(encoding, "tiktoken").count(text) for text in texts]
    assert [counter(encoding).count(text) for text in texts] == reference
    assert counter(encoding).count_all(texts) == reference
    assert counter(encoding, "tiktoken").count_all(texts) == reference


def test_tiktoken_replaces_lone_surrogates_as_we_do() -> None:
    text = "a\ud800b\ud83d\ude00\udc00"
    assert well_formed(text) == "a\ufffdb\U0001f600\ufffd"
    assert counter("o200k_base").count(text) == counter("o200k_base").count(well_formed(text))


def special_tokens(encoding: str) -> list[str]:
    """What is special to a vocabulary, or to the one that it is made of."""
    tokenizer = splintr_tokenizer(CL100K_AND_MORE if encoding in LIKE_CLAUDE else encoding)
    assert isinstance(tokenizer, AnyTokenizer)
    return list(tokenizer.special_tokens())


@pytest.mark.parametrize("encoding", SHIPPED)
def test_a_batch_counts_like_single_texts(encoding: str) -> None:
    """Also where a text spells a special token of the vocabulary, or a tag some vocabularies know."""
    specials = special_tokens(encoding)
    texts = [
        *(f"before {special} after" for special in specials),
        *(f"<{tag}>x</{tag}>" for tag in ("table", "h1", "u", "tool_call", "think", "unused7")),
        *("plain", "", "\ud800", "[multimodal]", "x" * (BATCH_CHARACTERS // 8), "last"),
    ]
    tokens = counter(encoding)
    singly = [tokens.count(text) for text in texts]
    assert tokens.count_all(texts) == singly
    assert counter(encoding, threads=False).count_all(texts) == singly
    assert tokens.count_all([]) == []


@pytest.mark.parametrize("encoding", SHIPPED)
def test_no_special_token_counts_as_one(encoding: str) -> None:
    longest = max(special_tokens(encoding), key=len)
    assert counter(encoding).count(longest) > 1


def test_long_input_is_cut_into_batches() -> None:
    texts = ["hello world " * 20_000, "a", "b c"] * 6
    assert sum(map(len, texts)) > BATCH_CHARACTERS
    tokens = counter("o200k_base")
    assert tokens.count_all(texts) == [tokens.count(text) for text in texts]


@pytest.mark.parametrize(
    ("encoding", "sha256"),
    [
        ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
        ("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    ],
)
def test_ranks_are_the_published_ones(encoding: str, sha256: str) -> None:
    """Written in OpenAI's format they have the hash that tiktoken checks its downloads against."""
    ranks = mergeable_ranks(encoding)
    content = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())
    assert hashlib.sha256(content).hexdigest() == sha256


@settings(max_examples=100)
@given(encoding=st.sampled_from(sorted(LIKE_CLAUDE)), text=TEXTS)
def test_claudes_text_is_counted_as_its_pieces_merge(encoding: str, text: str) -> None:
    """tiktoken with the same pieces comes to the same."""
    assert counter(encoding).count(text) == len(like_claude_in_tiktoken(encoding).encode_ordinary(text))


@cache
def like_claude_in_tiktoken(encoding: str) -> tiktoken.Encoding:
    ranks = {piece: rank for rank, piece in enumerate(dict.fromkeys(claude_pieces(LIKE_CLAUDE[encoding])))}
    assert set(ranks) >= {bytes([byte]) for byte in range(256)}
    return tiktoken.Encoding(encoding, pat_str=CL100K_BASE_PATTERN, mergeable_ranks=ranks, special_tokens={})


def test_the_vocabulary_that_claudes_is_made_of_begins_as_cl100k() -> None:
    more = splintr_tokenizer(CL100K_AND_MORE)
    assert [more.decode_token_bytes(rank) for rank in range(100_256)] == list(mergeable_ranks("cl100k_base"))


@pytest.mark.parametrize("encoding", sorted(LIKE_CLAUDE))
@pytest.mark.parametrize(
    ("text", "tokens"), [("the", 1), (" the", 1), ("2026", 2), ("999", 1), (" 12", 2), ("\n\n", 1), (");\n", 2)]
)
def test_what_is_known_of_claudes_tokenizer(encoding: str, text: str, tokens: int) -> None:
    """Words cost the same behind a blank, numbers go by three digits, punctuation takes no line break along."""
    assert counter(encoding).count(text) == tokens


@pytest.mark.parametrize(
    ("folder", "low", "high"), [("cli/agentcost/**/*.py", 1.20, 1.29), ("docs/**/*.md", 1.20, 1.47)]
)
def test_the_new_tokenizer_needs_as_many_tokens_more_as_was_measured(folder: str, low: float, high: float) -> None:
    """Measured by others on Python and on prose and Markdown, 2026-04-17; 1.35 in Anthropic's own words."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(folder)))
    old, new = (counter(encoding).count(text) for encoding in ("cl100k_claude3", "cl100k_claude4.7"))
    assert low <= new / old <= high


SCRIPTS = [
    ("从七十年的人工智能研究中可以得到的最大教训是，利用计算能力的通用方法最终是最有效的。", 1.43),
    ("Самый большой урок семидесяти лет исследований: общие методы, использующие вычисления, эффективнее всех.", 1.56),
    ("أكبر درس يمكن استخلاصه من سبعين عاما من البحث هو أن الأساليب العامة هي في النهاية الأكثر فعالية.", 2.18),
    ("सत्तर वर्षों के शोध से जो सबसे बड़ा सबक सीखा जा सकता है, वह यह है कि सामान्य विधियाँ सबसे प्रभावी होती हैं।", 2.36),
]


@pytest.mark.parametrize("encoding", sorted(LIKE_CLAUDE))
@pytest.mark.parametrize(("text", "published"), SCRIPTS, ids=["Chinese", "Russian", "Arabic", "Hindi"])
def test_other_scripts_cost_more_than_under_gpt(encoding: str, text: str, published: float) -> None:
    """How many times o200k's tokens Claude needs for one text (A. Komatsuzaki, 2026-04-29); both tokenizers alike."""
    assert counter(encoding).count(text) / counter("o200k_base").count(text) == pytest.approx(published, rel=0.25)


def test_versions_name_the_engine_that_counts() -> None:
    assert counter("o200k_base").version.startswith("splintr ")
    assert counter("o200k_base", "tiktoken").version.startswith("tiktoken ")
    assert counter("qwen3", "tiktoken").version.startswith("splintr ")
    assert counter("qwen3", "tiktoken").encoding == "qwen3"


def test_the_version_changes_with_what_a_vocabulary_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are kept by it: those of other pieces must not come back."""
    assert len({version_of(name) for name in [*LIKE_CLAUDE, "o200k_base"]}) == 3
    before = version_of("cl100k_claude3")
    monkeypatch.setitem(LIKE_CLAUDE, "cl100k_claude3", 29_501)
    assert version_of("cl100k_claude3") != before


def test_unknown_encoding_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no tokenizer is called 'nope'"):
        counter("nope")


MODELS = [
    # model, encoding, exact?
    ("gpt-4", "cl100k_base", True),
    ("gpt-4-0613", "cl100k_base", True),
    ("gpt-3.5-turbo-0125", "cl100k_base", True),
    ("azure/gpt-35-turbo", "cl100k_base", True),
    ("gpt-4o-mini", "o200k_base", True),
    ("openai/gpt-4.1-2025-04-14", "o200k_base", True),
    ("litellm_proxy/gpt-5.1-codex", "o200k_base", True),
    ("o3-mini", "o200k_base", True),
    ("openai.gpt-oss-120b-1:0", "o200k_harmony", True),
    ("gpt-6-astra", "o200k_base", False),
    ("openrouter/google/gemini-3-pro-preview", "gemma4", False),
    ("models/gemini-2.5-flash", "gemma4", False),
    ("gemini/gemini-2.5-pro", "gemma4", False),
    ("google/gemma-3-27b-it", "gemma4", False),
    ("deepseek/deepseek-chat-v3", "deepseek_v3", True),
    ("deepseek-reasoner", "deepseek_v3", True),
    ("us.deepseek.r1-v1:0", "deepseek_v3", True),
    ("deepseek-v4", "deepseek_v3", False),
    ("deepseek-r1-distill-llama-70b", "llama3", True),
    ("deepseek-r1-distill-qwen-32b", "qwen3", True),
    ("meta-llama/Llama-3.3-70B-Instruct", "llama3", True),
    ("us.meta.llama3-3-70b-instruct-v1:0", "llama3", True),
    ("accounts/fireworks/models/llama-v3p1-405b-instruct", "llama3", True),
    ("llama-4-maverick", "o200k_base", False),
    ("Qwen/Qwen3-Coder-480B-A35B-Instruct", "qwen3", True),
    ("qwen2.5-coder:32b", "qwen3", True),
    ("qwen3.5-plus", "qwen3", False),
    ("qwen3-max", "qwen3", False),
    ("moonshotai/kimi-k2-thinking", "kimi_k2", True),
    ("kimi-k3", "kimi_k3", True),
    ("glm-4.5-air", "glm4", True),
    ("z-ai/glm-4.6", "glm4", False),
    ("open-mistral-nemo", "mistral_v3", True),
    ("mistralai/devstral-small", "mistral_v3", False),
    ("grok-4", "o200k_base", False),
    ("somebody/anything", "o200k_base", False),
    ("", "o200k_base", False),
]


@pytest.mark.parametrize(("model", "name", "exact"), MODELS)
def test_models_and_their_encodings(model: str, name: str, exact: bool) -> None:
    encoding = encoding_of(model)
    assert (encoding.name, encoding.basis is Basis.EXACT) == (name, exact)
    assert (encoding.band == 0) == exact


@pytest.mark.parametrize(
    ("model", "new"),
    [
        ("claude-3-5-sonnet-20241022", False),
        ("claude-3-opus-20240229", False),
        ("anthropic.claude-v2:1", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-4-sonnet", False),
        ("anthropic/claude-sonnet-4-5@20250929", False),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("claude-haiku-4-5-20251001", False),
        ("claude-opus-4.6", False),
        ("global.anthropic.claude-opus-4-6-v1", False),
        ("claude-sonnet-4-5[1m]", False),
        ("claude-opus-4-7", True),
        ("openrouter/anthropic/claude-opus-4.8", True),
        ("claude-4-7-opus", True),
        ("claude-opus-5", True),
        ("claude-haiku-5-5", True),
        ("claude-mythos-preview", True),
        ("claude-fable-5", True),
        ("sonnet", True),
    ],
)
def test_claude_changed_its_tokenizer_at_4_7(model: str, new: bool) -> None:
    encoding = encoding_of(model)
    assert (encoding.name, encoding.basis) == ("cl100k_claude4.7" if new else "cl100k_claude3", Basis.ESTIMATED)


@given(model=st.text())
def test_every_name_has_an_encoding_and_a_template(model: str) -> None:
    assert isinstance(encoding_of(model), Encoding)
    assert isinstance(template_of(model, "openai-chat"), Template)
    assert bare_name(model) == bare_name(model.lower())


def test_every_entry_has_source_and_date_and_a_shipped_encoding() -> None:
    for _, encoding in ENCODINGS:
        assert encoding.source
        assert date(2026, 11, 22) <= date.fromisoformat(encoding.checked) <= date(2026, 11, 26)
        assert counter(encoding.name).count("x") == 1


@pytest.mark.parametrize(
    ("model", "auto", "forced"),
    [
        ("claude-opus-5", 286, 406),
        ("claude-opus-4-8", 290, 410),
        ("us.anthropic.claude-opus-4-7-v1:0", 675, 804),
        ("claude-sonnet-5", 354, 474),
        ("claude-sonnet-5-5", 286, 406),
        ("claude-sonnet-4-6", 497, 589),
        ("claude-haiku-4-5-20251001", 496, 588),
        ("claude-opus-4-1@20250805", 313, 315),
        ("claude-sonnet-4-20250514", 313, 315),
        ("claude-3-5-haiku-20241022", 264, 355),
        ("claude-3-5-sonnet-20240620", 294, 261),
        ("claude-3-5-sonnet-20241022", 313, 315),
    ],
)
def test_claude_tool_prompts(model: str, auto: int, forced: int) -> None:
    template = template_of(model, "anthropic")
    prompts = [tool_overhead(template, 2, choice) - 2 * template.per_tool for choice in ("auto", "none")]
    assert prompts == [auto, auto]
    prompts = [tool_overhead(template, 2, choice) - 2 * template.per_tool for choice in ("any", "named")]
    assert prompts == [forced, forced]
    assert tool_overhead(template, 0, "any") == 0


def test_claude_frames() -> None:
    template = template_of("claude-sonnet-4-5", "bedrock")
    assert overhead(template, Shape(messages=3)) == 4 + 3 * (2 + 1)
    assert overhead(template, Shape(messages=1, systems=2, calls=2), thinking=True) == 4 + 3 + 2 * 24 + 28
    assert overhead(template, Shape(messages=1), schema=True) == 4 + 3 + 185
    assert overhead(template, Shape(messages=2, calls=3, more_calls=2, parallel=1)) == 4 + 2 * 3 + 3 * 24 + 30
    assert template.basis is Basis.ESTIMATED


@pytest.mark.parametrize(
    ("model", "api", "tools", "system", "choice", "expected"),
    [
        ("gpt-4o", "openai-chat", 0, False, "auto", 3 + 4),
        ("gpt-4", "openai-chat", 2, False, "auto", 3 + 4 + 9 + 7),
        ("gpt-4o", "openai-chat", 2, False, "auto", 3 + 4 + 9 + 7 - 2),
        ("gpt-4o", "openai-chat", 2, True, "auto", 3 + 4 + 4 + 9 + 7 - 2 - 4),
        ("gpt-4o", "openai-chat", 2, True, "none", 3 + 4 + 4 + 9 + 7 - 2 - 4 + 1),
        ("gpt-4o", "openai-chat", 2, True, "named", 3 + 4 + 4 + 9 + 7 - 2 - 4 + 4),
        ("deepseek-chat", "openai-chat", 1, True, "named", 3 + 2 + 2 + 198),
        ("qwen3.5-plus", "openai-chat", 1, True, "auto", 7 + 5 + 5 + 196),
        ("qwen3.5-plus", "openai-chat", 1, False, "auto", 7 + 5 + 196 + 5),
        ("gemini-3-pro-preview", "gemini", 5, False, "auto", 0),
        ("llama-3.3-70b-versatile", "openai-chat", 0, False, "auto", 30),
        ("mistral-large-latest", "openai-chat", 0, False, "auto", 3),
        ("gpt-oss-120b", "openai-chat", 0, False, "auto", 71),
        ("openai.gpt-oss-120b-1:0", "bedrock", 0, False, "auto", 67),
        ("gpt-5", "openai-responses", 1, False, "auto", 2 + 4 + 16 - 2),
        ("gpt-5.1-codex", "openai-responses", 1, False, "auto", 2 + 4 + 103 - 2),
        ("gpt-5.1-codex-mini", "openai-responses", 1, False, "auto", 2 + 4 + 21 - 2),
        ("gpt-5", "openai-chat", 1, False, "auto", 2 + 4 + 16 - 2),
        ("unheard-of", "anthropic", 1, False, "auto", 4 + 3 + 286 + 8),
        ("unheard-of", "openai-chat", 1, False, "auto", 3 + 4 + 9 + 7 - 1),
    ],
)
def test_overheads(*, model: str, api: str, tools: int, system: bool, choice: Choice, expected: int) -> None:
    shape = Shape(messages=1, systems=int(system), tools=tools)
    assert overhead(template_of(model, api), shape, choice) == expected


def test_what_stands_around_calls_and_replies() -> None:
    chat, harmony = template_of("gpt-4o", "openai-chat"), template_of("gpt-5.5", "openai-responses")
    assert overhead(chat, Shape(messages=3, calls=2, more_calls=1)) == 3 + 3 * 4 + 2 * 4
    assert overhead(harmony, Shape(messages=3, replies=1)) == 2 + 3 * 4 + 2
    assert overhead(harmony, Shape(messages=3, calls=1, tools=1, loaded=1)) == 2 + 3 * 4 + 11 + 14 + 96
    assert overhead(template_of("llama-3.1-70b", "completions"), Shape(messages=1)) == 0


@pytest.mark.parametrize(
    ("model", "characters", "tokens"),
    [
        ("gpt-5.5", 1508, 97),
        ("gpt-5", 900, 0),
        ("gemini-3-flash-preview", 404, 81),
        ("gemini-2.5-pro", 404, 21),
        ("gemini-2.5-pro", 4040, 21),
        ("gemini-2.0-flash", 404, 0),
    ],
)
def test_encrypted_reasoning(model: str, characters: int, tokens: int) -> None:
    """Its length tells how long it is, for the models that read it again; what stands around it is billed anyway."""
    assert state_tokens(model, characters) == tokens


@pytest.mark.parametrize(
    ("model", "tool_type", "expected"),
    [
        ("claude-opus-5", "bash_20250124", 325),
        ("claude-opus-4-8", "bash_20250124", 325),
        ("claude-sonnet-4-6", "bash_20250124", 244),
        ("claude-3-7-sonnet-20250219", "bash_20250124", 244),
        ("claude-sonnet-4-5", "text_editor_20250429", 700),
        ("claude-opus-5", "computer_toolset_20260801", 4_520),
        ("claude-sonnet-5", "computer_toolset_20260801", 4_590),
        ("claude-sonnet-5", "browser_toolset_20260801", 6_670),
        ("claude-sonnet-4-5", "computer_20250124", 735),
        ("claude-sonnet-4-5", "custom", None),
    ],
)
def test_tools_that_anthropic_defines(model: str, tool_type: str, expected: int | None) -> None:
    assert built_in_tool_tokens(model, tool_type) == expected


CLAUDE_IMAGES = [
    (200, 200, 64, 64),
    (1000, 1000, 1_296, 1_296),
    (1092, 1092, 1_521, 1_521),
    (1920, 1080, 1_560, 2_691),
    (2000, 1500, 1_564, 3_888),
    (3840, 2160, 1_560, 4_784),
    (5000, 5000, 1_521, 4_761),
    (8000, 100, 56, 184),
    (29, 29, 4, 4),
    (None, None, 1_568, 4_784),
    (0, 0, 1_568, 4_784),
]


@pytest.mark.parametrize(("width", "height", "standard", "high"), CLAUDE_IMAGES)
def test_claude_images(width: int | None, height: int | None, standard: int, high: int) -> None:
    assert image_tokens("claude-sonnet-4-6", width, height) == standard
    assert image_tokens("claude-opus-4-7", width, height) == high
    assert image_tokens("claude-opus-4-7", height, width) == high


HD, UHD, SQUARE = (1920, 1080), (3840, 2160), (1024, 1024)
OPENAI_IMAGES = [
    ("gpt-4o", "auto", SQUARE, 765),
    ("gpt-4.1", "auto", HD, 1_105),
    ("gpt-4.1", "high", UHD, 1_105),
    ("gpt-4o", "auto", (512, 512), 255),
    ("gpt-4o", "low", UHD, 85),
    ("gpt-5", "auto", SQUARE, 630),
    ("gpt-5.1", "auto", HD, 910),
    ("gpt-5", "auto", (512, 512), 210),
    ("o1", "auto", SQUARE, 675),
    ("o3", "auto", UHD, 975),
    ("o3", "auto", (512, 512), 225),
    ("gpt-4o-mini", "auto", SQUARE, 25_501),
    ("gpt-4o-mini", "auto", HD, 36_835),
    ("gpt-4o-mini", "auto", (512, 512), 8_500),
    *((model, "high", SQUARE, 1_229) for model in ("gpt-5.4-mini", "gpt-5.5", "gpt-5.6", "gpt-6-astra")),
    *((model, "high", HD, 2_448) for model in ("gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6-astra")),
    *((model, "high", UHD, 2_765) for model in ("gpt-5.4", "gpt-5.5", "gpt-5.6")),
    ("gpt-6-astra", "high", UHD, 2_931),
    *((model, "original", UHD, 9_792) for model in ("gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6-astra")),
    *((model, "auto", UHD, 9_792) for model in ("gpt-5.5", "gpt-5.6", "gpt-6-astra")),
    ("gpt-5.4", "auto", UHD, 2_765),
    *((model, "low", SQUARE, 308) for model in ("gpt-5.5", "gpt-5.6", "gpt-6-astra")),
    ("gpt-5.5", "low", HD, 173),
    ("gpt-5.6", "low", UHD, 173),
    ("gpt-5.2", "auto", SQUARE, 1_229),
    ("gpt-5.2", "low", HD, 2_448),
    ("gpt-5.4", "low", UHD, 2_765),
    ("gpt-4.1-mini", "auto", SQUARE, 1_659),
    ("gpt-4.1-mini", "auto", HD, 3_305),
    ("gpt-4.1-mini", "auto", UHD, 3_733),
    ("gpt-5.5", "auto", (None, None), 765),
    ("whatever", "auto", (None, None), 765),
    ("gemini-3-pro-preview", "auto", (384, 384), 258),
    ("gemini-3-pro-preview", "auto", (768, 768), 258),
    ("gemini-2.5-pro", "auto", SQUARE, 1_032),
    ("gemini-2.5-pro", "auto", HD, 1_548),
    ("gemini-2.5-pro", "auto", (None, None), 258),
]


@pytest.mark.parametrize(("model", "detail", "size", "expected"), OPENAI_IMAGES)
def test_images(model: str, detail: str, size: tuple[int | None, int | None], expected: int) -> None:
    assert image_tokens(model, *size, detail) == expected


@given(width=st.integers(1, 10_000), height=st.integers(1, 10_000), model=st.sampled_from(["gpt-5.6", "gemini-3", "x"]))
def test_images_cost_something_and_claude_keeps_its_budget(width: int, height: int, model: str) -> None:
    assert image_tokens(model, width, height) > 0
    assert 0 < image_tokens("claude-sonnet-4-6", width, height) <= 1_568
    assert image_tokens("claude-sonnet-4-6", width, height) <= image_tokens("claude-opus-5", width, height) <= 4_784


@pytest.mark.parametrize(
    ("model", "pages", "expected"),
    [
        ("claude-sonnet-4-6", 2, 2 * (2_250 + 1_568)),
        ("claude-opus-5", None, 2_250 + 4_784),
        ("gemini-3-pro", 3, 774),
        ("gpt-5", 1, 2_263),
    ],
)
def test_documents(model: str, pages: int | None, expected: int) -> None:
    assert document_tokens(model, pages) == expected


def test_counts_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "deep"
    counts = Counts(folder, "o200k_base", "splintr 0.22.0")
    counts.put(DIGEST, 7)
    counts.put(bytes(16), 0)
    counts.save()
    again = Counts(folder, "o200k_base", "splintr 0.22.0")
    assert (again.get(DIGEST), again.get(bytes(16)), again.get(b"x" * 16)) == (7, 0, None)
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [again.path.name]


def test_counts_of_other_encodings_and_versions_are_apart(tmp_path: Path) -> None:
    counts = Counts(tmp_path, "o200k_base", "splintr 0.22.0")
    counts.put(DIGEST, 7)
    counts.save()
    assert Counts(tmp_path, "cl100k_base", "splintr 0.22.0").get(DIGEST) is None
    assert Counts(tmp_path, "o200k_base", "splintr 0.23.0").get(DIGEST) is None
    assert Counts(tmp_path, "o200k_base", "tiktoken 0.14.0").get(DIGEST) is None


def test_two_writers_keep_each_others_counts(tmp_path: Path) -> None:
    first, second = (Counts(tmp_path, "o200k_base", "v") for _ in range(2))
    first.put(DIGEST, 1)
    second.put(bytes(16), 2)
    first.save()
    second.save()
    merged = Counts(tmp_path, "o200k_base", "v")
    assert (merged.get(DIGEST), merged.get(bytes(16))) == (1, 2)


@pytest.mark.parametrize("broken", ["empty", "cut", "flipped", "longer", "other"])
def test_a_broken_file_is_ignored_and_rewritten(tmp_path: Path, broken: str) -> None:
    counts = Counts(tmp_path, "o200k_base", "v")
    counts.put(DIGEST, 7)
    counts.save()
    content = counts.path.read_bytes()
    counts.path.write_bytes(
        {
            "empty": b"",
            "cut": content[:-1],
            "flipped": content[:-1] + b"\xff",
            "longer": content + bytes(20),
            "other": b"something else\n",
        }[broken]
    )
    again = Counts(tmp_path, "o200k_base", "v")
    assert again.get(DIGEST) is None
    again.put(DIGEST, 8)
    again.save()
    assert Counts(tmp_path, "o200k_base", "v").get(DIGEST) == 8


def test_counts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcost.tokens.counts.MOST_ENTRIES", 3)
    counts = Counts(tmp_path, "o200k_base", "v")
    for number in range(5):
        counts.put(bytes([number]) * 16, number)
    counts.save()
    kept = Counts(tmp_path, "o200k_base", "v")
    assert [kept.get(bytes([number]) * 16) for number in range(5)] == [None, None, 2, 3, 4]


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counts = Counts(tmp_path / "file", "o200k_base", "v")
    counts.put(DIGEST, 1)
    with pytest.raises(AgentcostError, match="name a folder that can be written"):
        counts.save()


def test_the_file_holds_no_text(tmp_path: Path) -> None:
    counts = Counts(tmp_path, "o200k_base", "v")
    counts.put(DIGEST, 7)
    counts.save()
    heading, rest = counts.path.read_bytes().split(b"\n", 1)
    assert heading == b"agentcost counts 1 o200k_base v"
    assert rest[4:] == DIGEST + (7).to_bytes(4, "little")
