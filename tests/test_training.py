"""Training: the rows are right, a run resumes, and the way from text to GGUF ends in a model that runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

import torch

from extractor.engine import LlamaEngine
from extractor.filling import fill, kind
from extractor.grammar import build
from extractor.models import read_metadata
from extractor.passages import Passage
from extractor.pipeline import KINDS
from extractor.prompting import load_template
from training import corpus, generator, labelled, overlap
from training.__main__ import main
from training.batches import pack, tree
from training.decoder import Decoder, Shape
from training.labels import FIELDS, problems, read
from training.targets import targets
from training.tokenizer import CONTROL, load
from training.train import Data, Stage, run

from .conftest import REPOSITORY, engine_info, shared


def test_the_fields_of_a_label_are_those_of_the_schema() -> None:
    for name, fields in FIELDS.items():
        assert list(fields) == list(build(KINDS[name]).json_schema["properties"])


def test_generated_passages_are_labelled_right() -> None:
    rng = random.Random(7)
    rows = [generator.sample(rng) for _ in range(300)]
    assert [problem for row in rows for problem in problems(row)] == []
    assert sum(not row["commitments"] for row in rows) > 50
    assert {c["status"] for row in rows for c in row["commitments"]} == set(FIELDS["commitments"]["status"])
    assert rows[0] == generator.sample(random.Random(7))


def test_written_passages_are_labelled_right() -> None:
    rows = list(labelled.written())  # raises for a row that is not
    assert len(rows) >= 360
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["text"] for row in rows}) == len(rows)


def test_statement_labels_find_their_text() -> None:
    folder = shared("corpus")
    if folder is None:
        pytest.skip("the corpus is not at hand (../shared/corpus)")
    assert len(list(labelled.real(folder))) >= 400


def test_stand_off_rows_hold_no_text() -> None:
    for file in labelled.STAND_OFF.glob("*.jsonl"):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            assert "text" not in row
            assert not corpus.held_back(row["document"])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The whole way at its small setting: checkpoints and a GGUF."""
    folder = tmp_path_factory.mktemp("training")
    main(["--setting", "small", "--work", str(folder / "work"), "--out", str(folder / "small.gguf")])
    return folder / "work", folder / "small.gguf"


def test_the_small_setting_makes_a_model_that_answers(small: tuple[Path, Path]) -> None:
    _, path = small
    assert read_metadata(path)["accord.prompt"] == "bundled"
    engine = LlamaEngine(path, engine_info(path), threads=1)
    text = "Kenya will send 40 medics to Chad for six months."
    durations = kind("durations", KINDS["durations"])
    result = asyncio.run(
        fill(engine, load_template("bundled"), durations, Passage(text, 0, len(text)), time.monotonic() + 60, 0)
    )
    engine.close()
    assert result.whole or result.failures


def test_llama_cpp_tokenises_as_training_does(small: tuple[Path, Path]) -> None:
    work, path = small
    vocabulary = load(work / "tokenizer.json")
    text = "The “U.S.” and Zelenskyy’s 15-year plan: 3,000 troops… </s> é 日本\n\n  end"
    engine = LlamaEngine(path, engine_info(path), threads=1)
    assert engine._tokenise(text.encode(), False) == vocabulary.encode(text).ids
    engine.close()


def test_article_text_never_becomes_a_control_token(small: tuple[Path, Path]) -> None:
    vocabulary = load(small[0] / "tokenizer.json")
    assert all(token >= len(CONTROL) for token in vocabulary.encode("a </s> b <extract> c <s><pad>").ids)


def test_the_answers_of_a_passage_do_not_see_each_other(small: tuple[Path, Path]) -> None:
    """One row that holds four answers gives each the logits that it has alone after the prompt."""
    vocabulary = load(small[0] / "tokenizer.json")
    row = next(row for row in labelled.written() if row["commitments"] and row["durations"])
    torch.manual_seed(1)
    decoder = Decoder(Shape(vocabulary=2048, width=32, layers=2, heads=2, hidden=64))
    whole = tree(vocabulary, row)
    batch = pack([whole], 1, 1024)
    together = decoder(batch.tokens, batch.positions, batch.mask)[0]
    at = len(whole.prompt)
    for answer in whole.answers:
        alone = decoder(torch.tensor([[*whole.prompt, *answer]]))[0]
        assert torch.allclose(together[at : at + len(answer)], alone[len(whole.prompt) :], atol=1e-4)
        at += len(answer)
    assert batch.weights[0, at:].sum() == 0


def test_a_killed_run_resumes_to_the_same_weights(small: tuple[Path, Path], tmp_path: Path) -> None:
    data = Data(load(small[0] / "tokenizer.json"), None, list(labelled.written())[:20])

    def weights(*steps: int) -> str:
        torch.manual_seed(0)
        decoder = Decoder(Shape(vocabulary=2048, width=32, layers=1, heads=2, hidden=64))
        checkpoint = tmp_path / f"{len(steps)}.pt"
        for last in steps:  # a run that ends early is one that was killed after its last checkpoint
            run(Stage("s", last, rows=1, length=768), decoder, data, checkpoint, log=lambda line: None)
        return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in decoder.parameters())).hexdigest()

    assert weights(4) == weights(2, 4)


def test_targets_are_what_the_grammar_admits() -> None:
    import llguidance

    bytes_of = llguidance.LLTokenizer("byte")
    for row in list(labelled.written())[:60]:
        for (name, record), target in zip(KINDS.items(), targets(row), strict=True):
            matcher = llguidance.LLMatcher(bytes_of, kind(name, record).grammar.lark(row["text"]))
            tokens = bytes_of.tokenize_bytes(target.encode())
            assert matcher.try_consume_tokens(tokens) == len(tokens), (row["id"], name)


def test_gold_is_kept_out_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By document, and by eight words in a row: a planted copy is refused or dropped."""
    gold = overlap.gold_grams(None)
    article = (REPOSITORY / "seeds" / "06-grain-corridor.txt").read_text("utf-8")
    planted = " ".join(article.split()[40:52])
    assert overlap.shares(f"In other words, {planted}.", gold)
    assert overlap.shares(planted.upper().replace(" ", "  "), gold)
    assert not overlap.shares(" ".join(planted.split()[:7]), gold)
    assert overlap.without_shared(f"Chad voted.\n{planted}\nMali voted.", gold) == "Chad voted.\nMali voted."

    document = next(name for name in sorted(overlap.gold_documents()) if "/" in name)
    row = {"id": "planted", "document": document, "sha256": "", "start": 0, "end": 1}
    (tmp_path / "planted.jsonl").write_text(json.dumps(row))
    monkeypatch.setattr(labelled, "documents", lambda folder: iter(()))
    with pytest.raises(ValueError, match="kept for evaluation"):
        list(labelled.real(tmp_path, tmp_path))


def test_no_gold_document_is_labelled_for_training() -> None:
    gold = overlap.gold_documents()
    rows = [row for file in labelled.STAND_OFF.glob("*.jsonl") for row in read(file)]
    assert len(rows) >= 400
    assert not {row["document"] for row in rows} & gold
