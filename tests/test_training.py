"""Training: the rows are right, a run resumes, and the way from text to GGUF ends in a model that runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

import torch

from extractor.engine import LlamaEngine
from extractor.engine.context import Context, Run
from extractor.filling import fill, kind, patched
from extractor.grammar import build
from extractor.models import read_metadata
from extractor.passages import Passage
from extractor.pipeline import KINDS
from extractor.prompting import load_template
from training import augment, corpus, generator, labelled, overlap
from training.__main__ import main
from training.batches import Tree, language, pack, tree
from training.decoder import Decoder, Shape
from training.export import export
from training.labels import FIELDS, problems, read
from training.targets import targets
from training.tokenizer import CONTROL, PAD, load
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
        fill(
            patched(engine),
            engine.info,
            load_template("bundled"),
            durations,
            Passage(text, 0, len(text)),
            time.monotonic() + 60,
            0,
        )
    )
    engine.close()
    assert result.whole or result.failures


def test_llama_cpp_tokenises_as_training_does(small: tuple[Path, Path]) -> None:
    work, path = small
    vocabulary = load(work / "tokenizer.json")
    text = "The “U.S.” and Zelenskyy’s 15-year plan: 3,000 troops… </s> é 日本\n\n  end"
    engine = LlamaEngine(path, engine_info(path), threads=1)
    assert engine._context.tokenise(text.encode(), False) == vocabulary.encode(text).ids
    engine.close()


def test_article_text_never_becomes_a_control_token(small: tuple[Path, Path]) -> None:
    vocabulary = load(small[0] / "tokenizer.json")
    assert all(token >= len(CONTROL) for token in vocabulary.encode("a </s> b <extract> c <s><pad>").ids)


def test_the_answers_of_a_passage_do_not_see_each_other(small: tuple[Path, Path]) -> None:
    """One row that holds four answers gives each the hidden states that it has alone after the prompt."""
    vocabulary = load(small[0] / "tokenizer.json")
    row = next(row for row in labelled.written() if row["commitments"] and row["durations"])
    torch.manual_seed(1)
    decoder = Decoder(Shape(vocabulary=2048, width=32, layers=2, heads=2, hidden=64))
    whole = tree(vocabulary, row)
    batch = pack([whole], 1, 1024)
    together = decoder(batch.tokens, batch.positions, batch.mask)[0]
    at = len(whole.prompt)
    for answer in whole.answers:
        single = pack([Tree(whole.prompt, [answer])], 1, len(whole.prompt) + len(answer))
        alone = decoder(single.tokens, single.positions, single.mask)[0]
        assert torch.allclose(together[at : at + len(answer)], alone[len(whole.prompt) :], atol=1e-4)
        at += len(answer)
    assert batch.weights[0, at:].sum() == 0


def test_llama_cpp_reads_a_prompt_in_both_directions_as_training_does(small: tuple[Path, Path], tmp_path: Path) -> None:
    words = small[0] / "tokenizer.json"
    torch.manual_seed(1)
    shape = Shape(vocabulary=2048, width=64, layers=2, heads=2, hidden=128)
    decoder = Decoder(shape)
    export(decoder.state_dict(), shape, words, tmp_path / "exact.gguf", name="exact", quantised=False)
    prompt = tree(load(words), next(labelled.written())).prompt
    context = Context(tmp_path / "exact.gguf", size=0, sequences=2, threads=1, whole=True)
    for tokens in (prompt, prompt[:20]):
        last = len(tokens) - 1
        context.truncate(0, 0)
        context.decode([Run(0, 0, tokens, 0)], causal=False)
        context.copy(0, 1, last)
        context.truncate(0, last)
        expected = decoder.logits(decoder(torch.tensor([tokens])))[0, -1].detach().numpy()
        for found in context.decode([Run(sequence, last, tokens[last:], 1) for sequence in (0, 1)]):
            assert np.allclose(found, expected, atol=2e-3)
    context.free()


def test_masked_text_is_told_from_the_place_before() -> None:
    stream = np.arange(4, 2004, dtype=np.uint16)
    batch = language(stream, random.Random(0), rows=4, length=256)
    told = batch.weights > 0
    assert torch.equal(batch.tokens[:, 1:] == CONTROL.index(PAD), told[:, :-1])
    assert 0.15 < told.float().mean() < 0.35
    whole = torch.where(batch.tokens == CONTROL.index(PAD), batch.targets.roll(1, 1), batch.tokens)[:, 1:]
    assert (whole.diff() == 1).all()


@pytest.mark.parametrize("seed", range(60))
def test_a_varied_row_is_a_sound_row(seed: int) -> None:
    rng = random.Random(seed)
    row = rng.choice(list(labelled.written()))
    varied = augment.vary(row, rng)
    assert not list(problems(varied))
    assert len(varied["text"].split()) <= len(row["text"].split()) + 10


def test_a_cut_keeps_the_records_of_its_window_whole() -> None:
    text = (
        "Kenya will send 40 medics to Chad. "
        "On Friday, in Nairobi, after a long day, President Amina Otieno said that the talks had been hard."
    )
    row = {
        "text": text,
        "commitments": [
            {"actors": ["Kenya"], "action": "send 40 medics to Chad", "beneficiary": "Chad", "condition": None,
             "duration": None, "speaker": None, "status": "pledged", "category": "aid"}
        ],
        "participants": [{"name": "Amina Otieno", "kind": "person", "title": "President", "represents": "Kenya"}],
    }  # fmt: skip
    cuts = {part["text"]: part for part in (augment.cut(row, random.Random(seed)) for seed in range(60))}
    first, last = (cuts[sentence] for sentence in (text[:34], text[35:]))
    assert (first["commitments"], first["participants"]) == (row["commitments"], [])
    assert (last["commitments"], last["participants"]) == ([], [row["participants"][0] | {"represents": None}])


def test_other_names_stand_in_text_and_labels_alike() -> None:
    row = {
        "text": "Kenya's president, Amina Otieno, met Kenyan medics. Otieno left.",
        "participants": [{"name": "Amina Otieno", "kind": "person", "title": "president", "represents": "Kenya"}],
    }
    rows = [augment.renamed(row, random.Random(seed)) for seed in range(20)]
    assert len({row["text"] for row in rows}) > 10
    for one in rows:
        _, last = one["participants"][0]["name"].split(" ", 1)
        assert one["text"].count(last) == 2
        assert one["participants"][0]["represents"] in one["text"]


def test_a_killed_run_resumes_to_the_same_weights(small: tuple[Path, Path], tmp_path: Path) -> None:
    data = Data(load(small[0] / "tokenizer.json"), None, list(labelled.written())[:20])

    def weights(*steps: int) -> str:
        torch.manual_seed(0)
        decoder = Decoder(Shape(vocabulary=2048, width=32, layers=1, heads=2, hidden=64))
        checkpoint = tmp_path / f"{len(steps)}.pt"
        for last in steps:  # a run that ends early is one that was killed after its last checkpoint
            run(Stage("s", last, tokens=768), decoder, data, checkpoint, log=lambda line: None)
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
    monkeypatch.setattr(labelled, "texts", lambda folder, wanted: {})
    with pytest.raises(ValueError, match="kept for evaluation"):
        list(labelled.real(tmp_path, tmp_path))


def test_no_gold_document_is_labelled_for_training() -> None:
    gold = overlap.gold_documents()
    rows = [row for file in labelled.STAND_OFF.glob("*.jsonl") for row in read(file)]
    assert len(rows) >= 400
    assert not {row["document"] for row in rows} & gold
