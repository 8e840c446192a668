"""A tokenizer of the user's: what it counts, which models it is for, and what cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcost.errors import UsageError
from agentcost.main import app
from agentcost.model import Basis
from agentcost.tokens import counter, encoding_of, given_of, use_tokenizers


def tokenizer(folder: Path, name: str = "tokenizer.json") -> Path:
    """A byte-level tokenizer with one merge: `ab` is a token, every other byte is one by itself."""
    alphabet = {letter: number for number, letter in enumerate(bytes_to_letters().values())}
    vocabulary = {**alphabet, "ab": 256}
    content = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
            "merges": ["a b"],
        },
    }  # fmt: skip
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def bytes_to_letters() -> dict[int, str]:
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 chose them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    letters.update({byte: chr(256 + number) for number, byte in enumerate(b for b in range(256) if b not in letters)})
    return dict(sorted(letters.items()))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test leaves a tokenizer behind."""
    yield
    use_tokenizers(())


@pytest.mark.parametrize(
    ("given", "models", "others"),
    [
        ("glm-9", ("glm-9", "z-ai/GLM-9"), ("glm-9-air", "glm-4.5")),
        ("glm-9*", ("glm-9", "z-ai/glm-9-air"), ("glm-4.5",)),
        ("vendor/*", ("vendor/some-model",), ("other/some-model",)),
    ],
)
def test_which_models_it_is_for(tmp_path: Path, given: str, models: tuple[str, ...], others: tuple[str, ...]) -> None:
    own = given_of(f"{given}={tokenizer(tmp_path)}")
    use_tokenizers((own,))
    for model in models:
        assert (encoding_of(model).name, encoding_of(model).basis, encoding_of(model).band) == (
            own.encoding, Basis.EXACT, 0.0,
        )  # fmt: skip
    assert own.encoding not in {encoding_of(model).name for model in others}


def test_what_it_counts(tmp_path: Path) -> None:
    own = given_of(f"glm-9={tokenizer(tmp_path)}")
    use_tokenizers((own,))
    counts = counter(own.encoding)
    assert [counts.count(text) for text in ("", "ab", "abab", "ba", "é")] == [0, 1, 2, 2, 2]
    assert counts.count_all(["ab", "xyz"]) == [1, 3]


def test_it_is_known_by_what_it_holds(tmp_path: Path) -> None:
    tokenizer(tmp_path), tokenizer(tmp_path, "copy.json")
    names = {given_of(f"m={tmp_path / name}").encoding for name in ("tokenizer.json", "copy.json", "")}
    assert len(names) == 1


@pytest.mark.parametrize(("argument", "message"), [("glm-9", "MODEL=path"), ("=x", "MODEL=path"), ("m=no", "read")])
def test_wrong_usage(argument: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        given_of(argument)


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}", encoding="utf-8")
    own = given_of(f"glm-9={path}")
    use_tokenizers((own,))
    with pytest.raises(UsageError, match=r"no tokenizer\.json"):
        counter(own.encoding)


def test_it_makes_a_model_exact(tmp_path: Path) -> None:
    log, saved = tmp_path / "log.jsonl", tmp_path / "log.agentcost"
    body = {"model": "glm-9", "messages": [{"role": "user", "content": "abab xyz"}]}
    answer = {"id": "1", "object": "chat.completion", "model": "glm-9",
              "choices": [{"message": {"role": "assistant", "content": "ab"}}],
              "usage": {"prompt_tokens": 20, "completion_tokens": 1}}  # fmt: skip
    record = {"request": {"method": "POST", "url": "https://x/v1/chat/completions", "body": body},
              "response": {"status_code": 200, "body": answer}}  # fmt: skip
    log.write_text(json.dumps(record) + "\n", encoding="utf-8")
    own = f"glm-9={tokenizer(tmp_path)}"

    def run(*arguments: str) -> dict[str, object]:
        result = CliRunner().invoke(app, ["analyze", "--no-cache", "--json", *arguments])
        assert result.exit_code == 0, result.output + str(result.exception)
        found: dict[str, object] = json.loads(result.stdout)["rulers"][0]
        return found

    told = run(str(log), "--tokenizer", own, "--save", str(saved))
    assert (told["basis"], told["band"]) == ("exact", 0.0)
    assert run(str(log))["basis"] == "estimated"
    assert run(str(saved), "--tokenizer", own)["basis"] == "exact"
    other = tmp_path / "plain.agentcost"
    run(str(log), "--save", str(other))
    refused = CliRunner().invoke(app, ["analyze", "--no-cache", str(other), "--tokenizer", own])
    assert isinstance(refused.exception, UsageError)
    assert "name its log" in str(refused.exception)


def test_a_tokenizer_of_no_model_of_the_log_is_refused(tmp_path: Path) -> None:
    log = Path(__file__).parents[1] / "fixtures" / "quickstart.jsonl"
    arguments = ["analyze", "--no-cache", str(log), "--tokenizer", f"glm-9={tokenizer(tmp_path)}"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, UsageError)
    assert "no request is of this model; the log has claude-haiku-4-5" in str(refused.exception)
