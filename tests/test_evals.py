"""The metrics, on cases small enough to work out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.article import Article
from extractor.evals.gold_files import Gold, load, plain
from extractor.evals.metrics import Counts, align, relaxed, score, score_records, strict, token_f1


def commitment(action: str, actors: list[str], **fields: Any) -> dict[str, Any]:
    return {"actors": actors, "action": action, "beneficiary": None, "condition": None} | fields


SEND = commitment("send ten trucks", ["Chad"], beneficiary="Kenya")
VOTE = commitment("hold a vote", ["Mali"])


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ([], [], (0, 0, 0)),
        ([SEND], [SEND], (3, 3, 3)),
        ([VOTE, SEND], [SEND, VOTE], (5, 5, 5)),
        ([SEND], [], (0, 3, 0)),
        ([], [SEND], (0, 0, 3)),
        ([SEND | {"beneficiary": None}], [SEND], (2, 2, 3)),
        ([SEND | {"actors": ["Chad", "Mali"]}], [SEND], (3, 4, 3)),
        ([SEND | {"action": "send ten old trucks there"}], [SEND], (3, 3, 3)),  # token F1 6/8
        ([SEND | {"action": "dispatch lorries"}], [SEND], (2, 3, 3)),
        ([SEND, SEND], [SEND], (3, 6, 3)),
    ],
)
def test_arguments_counted_by_hand(
    predicted: list[dict[str, Any]], gold: list[dict[str, Any]], expected: tuple[int, int, int]
) -> None:
    counts = score("commitments", predicted, gold)
    assert (counts.correct, counts.predicted, counts.gold) == expected


def test_f1_by_hand() -> None:
    counts = Counts(correct=2, predicted=4, gold=3)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 2 / 3, pytest.approx(4 / 7))
    assert Counts().f1 == 1.0
    assert Counts(predicted=1).f1 == 0.0


def test_a_field_that_gold_does_not_have_is_not_scored() -> None:
    gold = {"actors": ["Chad"], "action": "send ten trucks"}
    assert score("commitments", [SEND], [gold]) == Counts(2, 2, 2)


@pytest.mark.parametrize(
    ("predicted", "gold", "is_strict", "is_relaxed"),
    [
        ("the “US”,", "US", True, True),
        ("US", "the United States", False, True),
        ("Washington", "American", False, True),
        ("Friedrich Merz", "Merz", False, True),
        ("Merz", "Macron", False, False),
    ],
)
def test_span_match(predicted: str, gold: str, is_strict: bool, is_relaxed: bool) -> None:
    assert strict("actors", predicted, gold) is is_strict
    assert relaxed("actors", predicted, gold) is is_relaxed


def test_states_match_by_entity_in_names_only() -> None:
    assert not relaxed("action", "US", "United States")


def test_token_f1_by_hand() -> None:
    assert token_f1("the old red house", "a red house") == pytest.approx(2 * 2 / 5)


VOCABULARY = ["send", "ten", "old", "trucks", "to", "hold", "a", "vote"]
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)
RECORDS = st.lists(
    st.builds(commitment, WORDS, st.lists(st.sampled_from(["Chad", "Mali", "Kenya"]), min_size=1, max_size=2)),
    max_size=4,
)


@given(RECORDS)
def test_a_perfect_prediction_has_no_error(records: list[dict[str, Any]]) -> None:
    for match in (strict, relaxed):
        assert score("commitments", records, records, match).f1 == 1.0
    assert score_records("commitments", records, records).f1 == 1.0


ONE = RECORDS.map(lambda records: records[:1])


@given(ONE, ONE)
def test_swapping_gold_and_prediction_swaps_precision_and_recall(a: list[Any], b: list[Any]) -> None:
    one, other = score("commitments", a, b, strict), score("commitments", b, a, strict)
    assert (one.precision, one.recall) == (other.recall, other.precision)


@given(RECORDS, RECORDS)
def test_pairs_are_one_to_one(a: list[Any], b: list[Any]) -> None:
    pairs = align("commitments", a, b)
    assert len({p for p, _ in pairs}) == len({g for _, g in pairs}) == len(pairs)


def test_gold_files_are_filled_from_the_article(tmp_path: Path) -> None:
    text = "Chad will send ten trucks."
    (tmp_path / "a.txt").write_text(text, "utf-8")
    gold = tmp_path / "gold"
    gold.mkdir()
    record = {"actors": [{"start": 0, "end": 4}], "action": {"start": 10, "end": 25}, "speaker": None}
    labelled = {"article": {"id": "a", "sha256": Article(text).sha256}, "commitments": [record]}
    (gold / "a.json").write_text(json.dumps(labelled))
    (one,) = load(gold, [tmp_path])
    assert isinstance(one, Gold)
    assert one.records["commitments"] == [{"actors": ["Chad"], "action": "send ten trucks", "speaker": None}]
    (tmp_path / "a.txt").write_text(text + " Changed.", "utf-8")
    with pytest.raises(ValueError, match="has changed"):
        list(load(gold, [tmp_path]))
    (tmp_path / "a.txt").unlink()
    (skipped,) = load(gold, [tmp_path])
    assert isinstance(skipped, str)


def test_a_dumped_record_is_compared_by_its_words() -> None:
    quote = {"text": "Chad", "start": 0, "end": 4}
    assert plain({"actors": [quote], "speaker": None, "stances": [{"party": quote}]}) == {
        "actors": ["Chad"],
        "speaker": None,
        "stances": [{"party": "Chad"}],
    }
