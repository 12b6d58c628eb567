"""The metrics and gold files, on cases small enough to work out by hand, and by what must hold for any."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score, confusion_matrix  # type: ignore[import-untyped]

from extractor.article import Article
from extractor.errors import InputError
from extractor.evals.evaluation import ARTICLES, GOLD, default_corpus
from extractor.evals.gold_files import Gold, Skipped, load, plain
from extractor.evals.metrics import (
    Counts,
    align,
    choices,
    relaxed,
    same_choice,
    score,
    score_records,
    strict,
    token_f1,
)
from extractor.evals.scores import Scores  # fmt: skip
from extractor.evals.scores import score_records as score_gold
from extractor.evals.stand_off import stand_off


def commitment(action: str, actors: list[str], **fields: Any) -> dict[str, Any]:
    return {"actors": actors, "action": action, "beneficiary": None, "condition": None} | fields


SEND = commitment("send ten trucks", ["Chad"], beneficiary="Kenya")
VOTE = commitment("hold a vote", ["Mali"])


def total(predicted: list[Any], gold: list[Any], match: Any = relaxed) -> Counts:
    return sum(score("commitments", predicted, gold, match).values(), Counts())


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
    assert total(predicted, gold) == Counts(*expected)


def test_fields_counted_by_hand() -> None:
    found = [SEND | {"actors": ["Chad", "Mali"], "beneficiary": None}]
    assert score("commitments", found, [SEND]) == {
        "actors": Counts(1, 2, 1),
        "action": Counts(1, 1, 1),
        "beneficiary": Counts(0, 0, 1),
        "condition": Counts(),
    }


def test_values_of_a_list_are_matched_at_best() -> None:
    """The first gold value would do for both found ones; the second for one only."""
    gold = commitment("go", ["Red Cross teams", "Red Cross"])
    found = commitment("go", ["Red Cross", "Red Cross medical teams"])
    assert total([found], [gold]).correct == 3


def test_f1_by_hand() -> None:
    counts = Counts(correct=2, predicted=4, gold=3)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 2 / 3, pytest.approx(4 / 7))
    assert Counts().f1 == 1.0
    assert Counts(predicted=1).f1 == 0.0


def test_a_field_that_gold_does_not_have_is_not_scored() -> None:
    gold = {"actors": ["Chad"], "action": "send ten trucks"}
    assert total([SEND], [gold]) == Counts(2, 2, 2)
    assert total([SEND, VOTE], [gold]) == Counts(2, 4, 2)
    assert choices("commitments", [SEND | {"status": "signed"}], [gold])["status"] == []


@pytest.mark.parametrize(
    ("predicted", "gold", "is_strict", "is_relaxed"),
    [
        ("the “US”,", "US", True, True),
        ("US", "the United States", False, True),
        ("Washington", "American", False, True),
        ("Friedrich Merz", "Merz", False, True),
        ("Zelensky", "Zelenskyy", False, True),
        ("ICRC", "International Committee of the Red Cross", False, True),
        ("Merz", "Macron", False, False),
        ("North Korea", "South Korea", False, False),
    ],
)
def test_span_match(predicted: str, gold: str, is_strict: bool, is_relaxed: bool) -> None:
    assert strict("actors", predicted, gold) is is_strict
    assert relaxed("actors", predicted, gold) is is_relaxed
    assert relaxed("actors", gold, predicted) is is_relaxed


def test_states_match_by_entity_in_names_only() -> None:
    assert not relaxed("action", "US", "United States")


def test_token_f1_by_hand() -> None:
    assert token_f1("the old red house", "a red house") == pytest.approx(2 * 2 / 5)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("P18M", "P1Y6M", True),
        ("PT48H", "P2D", True),
        ("P1W", "P7D", True),
        ("P1M", "P30D", False),
        ("PXY", "PXY", True),
        ("PXY", "P3Y", False),
        (None, "P3Y", False),
        (None, None, True),
    ],
)
def test_durations_are_compared_by_length(one: str | None, other: str | None, same: bool) -> None:
    assert same_choice("value", one, other) is same


VOCABULARY = ["send", "ten", "old", "trucks", "to", "hold", "a", "vote"]
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)
NAMES = st.lists(st.sampled_from(["Chad", "Mali", "Kenya"]), min_size=1, max_size=2)
RECORDS = st.lists(
    st.builds(lambda *words: commitment(*words[:2], beneficiary=words[2]), WORDS, NAMES, st.none() | WORDS), max_size=4
)


@given(RECORDS)
def test_a_perfect_prediction_has_no_error(records: list[dict[str, Any]]) -> None:
    for match in (strict, relaxed):
        assert total(records, records, match).f1 == 1.0
    assert score_records("commitments", records, records).f1 == 1.0


@given(RECORDS, RECORDS, st.randoms())
def test_order_does_not_matter(a: list[Any], b: list[Any], random: Any) -> None:
    shuffled, others = random.sample(a, len(a)), random.sample(b, len(b))
    assert total(shuffled, others) == total(a, b)


@given(RECORDS, RECORDS)
def test_swapping_gold_and_prediction_swaps_precision_and_recall(a: list[Any], b: list[Any]) -> None:
    for match in (strict, relaxed):
        one, other = total(a, b, match), total(b, a, match)
        assert (one.correct, one.predicted, one.gold) == (other.correct, other.gold, other.predicted)


@given(RECORDS, RECORDS)
def test_a_spurious_record_never_raises_precision(a: list[Any], b: list[Any]) -> None:
    spurious = commitment("whistle", ["Nobody"])
    assert total([*a, spurious], b).precision <= total(a, b).precision
    assert total([*a, spurious], b).recall == total(a, b).recall or not b


@given(RECORDS, RECORDS)
def test_pairs_are_one_to_one(a: list[Any], b: list[Any]) -> None:
    pairs = align("commitments", a, b).pairs
    assert len({p for p, _, _ in pairs}) == len({g for _, g, _ in pairs}) == len(pairs)


@given(st.lists(st.sampled_from(VOCABULARY), unique=True), st.lists(st.sampled_from(VOCABULARY), unique=True))
def test_strict_spans_agree_with_nervaluate(predicted: list[str], gold: list[str]) -> None:
    """Durations of one field only, at distinct places: then our strict argument counts are its strict scores."""
    text = " ".join(VOCABULARY)

    def spans(words: list[str]) -> list[dict[str, Any]]:
        return [{"label": "text", "start": text.index(w), "end": text.index(w) + len(w)} for w in sorted(words)]

    if predicted and gold:
        theirs = Evaluator([spans(gold)], [spans(predicted)], tags=["text"]).evaluate()["overall"]["strict"]
        ours = score("durations", [{"text": w} for w in predicted], [{"text": w} for w in gold], strict)["text"]
        assert (ours.correct, ours.predicted, ours.gold) == (theirs.correct, theirs.actual, theirs.possible)


STATUSES = st.sampled_from(["signed", "pledged", "refused"])


@given(st.lists(st.tuples(STATUSES, STATUSES), min_size=1, max_size=8))
def test_choices_agree_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    gold = [commitment(f"action {n}", ["Chad"], status=g) for n, (g, _) in enumerate(pairs)]
    found = [commitment(f"action {n}", ["Chad"], status=p) for n, (_, p) in enumerate(pairs)]
    article = Article("Chad acts.", id="a")
    one = score_gold({"commitments": found}, Gold("a", "", article, {"commitments": gold}))
    counts = one.counts["commitments.accuracy.status"]
    right, left = [g for g, _ in pairs], [p for _, p in pairs]
    assert counts.f1 == pytest.approx(accuracy_score(right, left))
    labels = ["signed", "pledged", "refused"]
    matrix = Scores([one]).confusion("commitments", "status")
    assert [[matrix.get((g, p), 0) for p in labels] for g in labels] == confusion_matrix(
        right, left, labels=labels
    ).tolist()


TEXT = "Chad will send ten trucks. Mali said it would hold a vote within 60 days."


@pytest.fixture
def gold_folder(tmp_path: Path) -> Path:
    """A user's own gold: one article, labelled with offsets."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.txt").write_text(TEXT, "utf-8")
    record = {"actors": [{"start": 0, "end": 4}], "action": {"start": 10, "end": 25}, "speaker": None}
    labelled = {"article": {"id": "a", "sha256": Article(TEXT).sha256}, "commitments": [record]}
    (tmp_path / "gold" / "dev").mkdir(parents=True)
    (tmp_path / "gold" / "dev" / "a.json").write_text(json.dumps(labelled))
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "gold" / "dev" / "a.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_gold_files_are_filled_from_the_article(gold_folder: Path) -> None:
    (one,) = load(gold_folder / "gold", [gold_folder / "articles"], split="dev")
    assert isinstance(one, Gold)
    assert plain(one.records["commitments"][0]) == {"actors": ["Chad"], "action": "send ten trucks", "speaker": None}
    assert one.records.keys() == {"commitments"}


def test_a_missing_article_is_skipped_and_a_changed_one_refused(gold_folder: Path) -> None:
    article = gold_folder / "articles" / "a.txt"
    article.write_text(TEXT + " Changed.", "utf-8")
    with pytest.raises(InputError, match="has changed"):
        load(gold_folder / "gold", [gold_folder / "articles"])
    article.unlink()
    (skipped,) = load(gold_folder / "gold", [gold_folder / "articles"])
    assert isinstance(skipped, Skipped)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"commitments": [{"actors": [{"start": 0, "end": 4, "text": "Mali"}]}]}, "does not fit the text"),
        ({"commitments": [{"actors": [{"start": 900, "end": 904}]}]}, "does not fit the text"),
        ({"commitments": [{"actor": {"start": 0, "end": 4}}]}, "no field 'actor'"),
        ({"commitments": [{"status": "maybe"}]}, "commitments.0..status"),
        ({"article": "a"}, "no gold file"),
    ],
)
def test_a_wrong_gold_file_is_named(gold_folder: Path, changes: dict[str, Any], message: str) -> None:
    edit(gold_folder, **changes)
    with pytest.raises(InputError, match=message) as caught:
        load(gold_folder / "gold", [gold_folder / "articles"])
    assert "a.json" in str(caught.value)
    assert caught.value.hint


def test_a_passage_of_a_document_is_gold_too(gold_folder: Path) -> None:
    start = TEXT.index("Mali")
    sha256 = hashlib.sha256(TEXT.encode()).hexdigest()
    edit(
        gold_folder,
        article={"id": "a", "sha256": sha256, "start": start, "end": len(TEXT)},
        commitments=[],
        durations=[{"text": {"start": TEXT.index("60") - start, "end": TEXT.index("60") - start + 7}}],
    )
    (one,) = load(gold_folder / "gold", [gold_folder / "articles"])
    assert isinstance(one, Gold)
    assert one.article.text == TEXT[start:]
    assert plain(one.records["durations"][0]) == {"text": "60 days"}


def test_an_unknown_split_names_those_there_are(gold_folder: Path) -> None:
    with pytest.raises(InputError, match="no split 'tset'") as caught:
        load(gold_folder / "gold", [gold_folder / "articles"], split="tset")
    assert "dev" in caught.value.hint


def test_labels_become_offsets_in_the_sentence_they_name() -> None:
    text = "Mali voted. Chad spoke. Chad will send trucks to Mali for two years. Mali agreed."
    labels = {
        "commitments": [
            {
                "at": "Chad will send",
                "actors": ["Chad"],
                "action": "send trucks to Mali",
                "beneficiary": "Mali",
                "status": "pledged",
                "category": "aid",
            }
        ],
        "durations": [{"at": "Chad will", "text": "two years", "modality": "agreed", "value": "P2Y"}],
        "participants": [{"name": "Mali", "kind": "state"}],
    }
    gold = stand_off(Article(text, id="m"), labels)
    (record,) = gold["commitments"]
    assert record["actors"] == [{"start": 24, "end": 28}]
    assert record["beneficiary"] == {"start": text.index("Mali for"), "end": text.index(" for two")}
    assert record["condition"] is None
    assert gold["participants"][0]["name"]["start"] == 0
    assert gold["durations"][0]["value"] == "P2Y"


def test_everything_wrong_with_labels_is_said_at_once() -> None:
    labels = {
        "commitments": [{"at": "Nowhere", "actors": ["Chad"], "action": "dance", "status": "maybe", "category": "aid"}],
        "participants": [{"name": "Chad", "sort": "state"}],
        "promises": [],
    }
    with pytest.raises(ValueError, match="Nowhere") as caught:
        stand_off(Article("Chad will send trucks.", id="m"), labels)
    for word in ("dance", "maybe", "sort", "kind is missing", "promises"):
        assert word in str(caught.value)


def test_the_gold_set_has_what_its_users_need() -> None:
    """Counts that the project promises, over all gold files, with or without the corpus."""
    files = [json.loads(file.read_text("utf-8")) for file in GOLD.rglob("*.json")]
    kinds = {kind: [r for file in files for r in file[kind]] for kind in ("commitments", "participants", "durations")}
    assert len(files) >= 45
    assert len(kinds["commitments"]) >= 300
    assert len(kinds["participants"]) >= 350
    assert len(kinds["durations"]) >= 60
    assert sum(bool(dispute["stances"]) for file in files for dispute in file["disputes"]) >= 40
    statuses = [record["status"] for record in kinds["commitments"]]
    assert all(statuses.count(word) >= 8 for word in set(statuses))
    assert len(set(statuses)) == 7
    for split in ("dev", "test"):
        ids = [json.loads(file.read_text("utf-8"))["article"]["id"] for file in (GOLD / split).glob("*.json")]
        assert any("/" in name for name in ids)  # documents of the corpus
        assert any("/" not in name for name in ids)  # articles


def test_every_gold_file_loads() -> None:
    """Offsets fit the texts that are at hand; the seeds and our own articles always are."""
    loaded = load(GOLD, ARTICLES, default_corpus())
    at_hand = [one for one in loaded if isinstance(one, Gold)]
    assert len(at_hand) >= 27
    for one in at_hand:
        assert one.records.keys() == {"commitments", "participants", "durations", "disputes"}


def test_dumped_records_are_compared_by_their_words() -> None:
    quote = {"text": "Chad", "start": 0, "end": 4}
    assert plain({"actors": [quote], "speaker": None, "stances": [{"party": quote}]}) == {
        "actors": ["Chad"],
        "speaker": None,
        "stances": [{"party": "Chad"}],
    }
