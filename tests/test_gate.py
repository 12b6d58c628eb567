"""Intervals, tests of significance, calibration and the regression gate."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from extractor import Extraction
from extractor.article import Article
from extractor.cli import app
from extractor.errors import InputError
from extractor.evals import gate
from extractor.evals.baselines import BASELINES
from extractor.evals.evaluation import ARTICLES, GOLD, HERE, agreement, evaluate, load, predicted
from extractor.evals.gold_files import Gold
from extractor.evals.metrics import Counts
from extractor.evals.page import page
from extractor.evals.scores import Scores, score_article, score_records
from extractor.evals.stats import ece, f1, interval, permutation_p, reliability, risk_coverage

from .conftest import REPOSITORY


def tallies(*counts: tuple[int, int, int]) -> dict[str, Counts]:
    return {str(number): Counts(*one) for number, one in enumerate(counts)}


def test_f1_is_micro_averaged() -> None:
    assert f1(tallies((1, 2, 1), (0, 0, 2))) == pytest.approx(2 * 1 / (2 + 3))


def test_the_interval_holds_f1_and_is_a_point_where_articles_are_alike() -> None:
    alike = tallies(*[(1, 2, 2)] * 6)
    assert interval(alike) == (0.5, 0.5)
    mixed = tallies((0, 4, 4), (4, 4, 4), (2, 4, 4), (3, 4, 4))
    low, high = interval(mixed)
    assert 0 <= low < f1(mixed) < high <= 1
    assert interval(mixed) == (low, high)


def test_the_permutation_test_by_hand() -> None:
    """Three articles, all better by the same: 2 of the 8 ways to swap are as far apart."""
    assert permutation_p(tallies(*[(2, 2, 2)] * 3), tallies(*[(1, 2, 2)] * 3)) == pytest.approx(2 / 8)
    assert permutation_p(tallies((1, 2, 2)), tallies((1, 2, 2))) == 1.0
    with pytest.raises(ValueError, match="same articles"):
        permutation_p(tallies((1, 2, 2)), {})


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=6))
def test_the_permutation_test_has_no_side(pairs: list[tuple[int, int]]) -> None:
    one, other = tallies(*[(a, 3, 3) for a, _ in pairs]), tallies(*[(b, 3, 3) for _, b in pairs])
    assert permutation_p(one, other) == pytest.approx(permutation_p(other, one))


def test_calibration_by_hand() -> None:
    outcomes = [(0.95, True), (0.95, False), (0.05, False), (1.0, True)]
    assert ece(outcomes) == pytest.approx(3 / 4 * abs(2.9 / 3 - 2 / 3) + 1 / 4 * 0.05)
    assert ece([]) == 0.0
    assert risk_coverage([(0.9, True), (0.8, False), (0.8, True), (0.1, False)]) == [
        (0.25, 0.0),
        (0.75, pytest.approx(1 / 3)),
        (1.0, 0.5),
    ]


def test_reliability_agrees_with_scikit_learn() -> None:
    rng = random.Random(3)
    outcomes = [(rng.uniform(0.001, 0.999), rng.random() < 0.6) for _ in range(300)]
    true, mean = calibration_curve([right for _, right in outcomes], [c for c, _ in outcomes], n_bins=10)
    ours = reliability(outcomes)
    assert np.allclose([one.correct for one in ours], true)
    assert np.allclose([one.confidence for one in ours], mean)


def articles(number: int) -> list[Gold]:
    """Articles whose four commitments each are told in as many sentences."""
    golds = []
    for n in range(number):
        states = ("Chad", "Mali", "Kenya", "Togo")
        text = " ".join(f"{state} will send {n + 10} trucks." for state in states)
        records = []
        for state in states:
            start = text.index(state)
            action = text.index("send", start)
            records.append(
                {
                    "actors": [{"text": state, "start": start, "end": start + len(state)}],
                    "action": {"text": f"send {n + 10} trucks", "start": action, "end": action + 14},
                    "status": "pledged",
                }
            )
        golds.append(Gold(f"a{n}", "", Article(text, id=f"a{n}"), {"commitments": records}))
    return golds


def found_first(golds: list[Gold], share: list[int]) -> Scores:
    """Scores of finding the first so many records of each article."""
    return Scores(
        score_records({"commitments": one.records["commitments"][:number]}, one)
        for one, number in zip(golds, share, strict=True)
    )


def verdicts(before: Scores, after: Scores) -> dict[str, str]:
    found, _ = gate.compare(after, gate.baseline(before, None))
    return {one.metric: one.word for one in found}


def test_the_gate_knows_better_worse_and_neither() -> None:
    golds = articles(40)
    middling = found_first(golds, [2] * 40)
    assert verdicts(middling, found_first(golds, [4] * 40))["all.relaxed"] == "better"
    assert verdicts(middling, found_first(golds, [0] * 40))["all.relaxed"] == "worse"
    assert set(verdicts(middling, middling).values()) == {"inconclusive"}
    assert verdicts(middling, found_first(golds, [4, 4] + [2] * 38))["all.relaxed"] == "inconclusive"
    assert verdicts(middling, found_first(golds, [0, 0] + [2] * 38))["all.relaxed"] == "inconclusive"


def test_the_gate_compares_only_articles_with_the_same_gold() -> None:
    golds = articles(4)
    before = gate.baseline(found_first(golds, [2] * 4), None)
    changed = replace(golds[0], records={"commitments": golds[0].records["commitments"][:1]})
    found, others = gate.compare(found_first([changed, *golds[1:]], [1] * 4), before)
    assert others == ["a0"]
    assert next(one.before for one in found if one.metric == "commitments.records") == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="none of these articles"):
        gate.compare(found_first([changed], [1]), before)


def test_a_baseline_survives_the_disk(tmp_path: Path) -> None:
    before = gate.baseline(found_first(articles(3), [1, 2, 3]), None)
    (tmp_path / "b.json").write_text(gate.as_text(before))
    assert gate.read(tmp_path / "b.json") == before
    (tmp_path / "c.json").write_text("[]")
    for file in ("c.json", "none.json"):
        with pytest.raises(InputError) as caught:
            gate.read(tmp_path / file)
        assert "--update-baseline" in caught.value.hint


def test_the_rules_read_a_plain_sentence() -> None:
    text = "Chad said on Monday it will send 40 medics to Mali for six months if a truce holds. Mali rejected the plan."
    found = BASELINES["rules"](Article(text))
    (send,) = (one for one in found.commitments if one.action.text.startswith("send"))
    assert send.status == "pledged"
    assert [send.beneficiary.text, send.duration.text] == ["Mali", "six months"]  # type: ignore[union-attr]
    assert send.condition is not None
    assert send.condition.text == "if a truce holds"
    assert {one.name.text for one in found.participants} == {"Chad", "Mali"}
    assert [(one.text.text, one.value) for one in found.durations] == [("six months", "P6M")]
    assert BASELINES["nothing"](Article(text)).commitments == []


# The command.

TEXT = "Chad will send ten trucks to Mali."


def extractor(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder: three articles, their gold, and perfect predictions."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "gold").mkdir()
    lines = []
    for name, state in (("a", "Chad"), ("b", "Togo"), ("c", "Niger")):
        text = TEXT.replace("Chad", state)
        (tmp_path / "articles" / f"{name}.txt").write_text(text, "utf-8")
        action = text.index("send")
        quotes = {"actors": [(0, len(state))], "action": (action, text.index(" to Mali"))}
        record: dict[str, Any] = {
            field: [{"start": s, "end": e} for s, e in v] if isinstance(v, list) else {"start": v[0], "end": v[1]}
            for field, v in quotes.items()
        } | {"status": "pledged", "speaker": None}
        gold = {"article": {"id": name, "sha256": Article(text).sha256}, "commitments": [record]}
        (tmp_path / "gold" / f"{name}.json").write_text(json.dumps(gold))
        extraction = BASELINES["rules"](Article(text, id=name))
        lines.append(extraction.model_dump_json())
    (tmp_path / "found.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_predictions_are_scored_without_the_repository(own: Path) -> None:
    result = extractor(
        *("eval", "--gold", own / "gold", "--articles", own / "articles", "--predictions", own / "found.jsonl"),
        *("--json", own / "scores.json", "--html", own / "page.html"),
    )
    assert result.exit_code == 0, result.output
    assert "argument F1" in result.stdout
    scores = json.loads((own / "scores.json").read_text())
    assert scores["metrics"]["all.relaxed"]["f1"] == 1.0
    assert scores["baselines"] == scores["baselines"] | {"nothing": scores["baselines"]["nothing"]}
    assert scores["baselines"]["nothing"]["all.relaxed"] == 0.0
    assert scores["articles"]["a"]["counts"]["commitments.records"] == {"correct": 1, "found": 1, "gold": 1}


def test_worse_predictions_exit_with_1_and_are_named(own: Path) -> None:
    where = ("--gold", own / "gold", "--articles", own / "articles")
    golds = articles(12)
    for one in golds:
        (own / "articles" / f"{one.name}.txt").write_text(one.article.text)
        content = {"article": {"id": one.name, "sha256": one.article.sha256}, **one.records}
        (own / "gold" / f"{one.name}.json").write_text(json.dumps(content))
    for name in ("a", "b", "c"):
        (own / "gold" / f"{name}.json").unlink()
    for name, baseline in BASELINES.items():
        extractions = [baseline(one.article).model_dump_json() for one in golds]
        (own / f"{name}.jsonl").write_text("\n".join(extractions) + "\n")
    base = own / "baseline.json"
    written = extractor("eval", *where, "--predictions", own / "rules.jsonl", "--baseline", base, "--update-baseline")
    assert written.exit_code == 0, written.output
    same = extractor("eval", *where, "--predictions", own / "rules.jsonl", "--baseline", base)
    assert same.exit_code == 0
    worse = extractor("eval", *where, "--predictions", own / "nothing.jsonl", "--baseline", base)
    assert worse.exit_code == 1
    assert re.search(r"all\.relaxed .*worse", worse.stdout)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gold", "nowhere"], "holds no gold files"),
        (["--split", "tset"], "no split"),
        (["--predictions", "nowhere.jsonl"], "cannot be read"),
        (["--articles", "nowhere"], "missing"),
        (["--json", "/"], "cannot be written"),
    ],
)
def test_bad_input_says_what_to_do(own: Path, options: list[str], message: str) -> None:
    folders = {"--gold": own / "gold", "--articles": own / "articles", "--predictions": own / "found.jsonl"}
    given = dict(zip(options[::2], options[1::2], strict=True))
    chosen = [part for name, value in (folders | given).items() for part in (name, value)]
    result = extractor("eval", *chosen)
    assert result.exit_code == 2
    assert message in result.output


def test_predictions_of_another_text_are_refused(own: Path) -> None:
    (own / "found.jsonl").write_text(BASELINES["rules"](Article("Other words.", id="a")).model_dump_json() + "\n")
    result = extractor(
        "eval", "--gold", own / "gold", "--articles", own / "articles", "--predictions", own / "found.jsonl"
    )
    assert result.exit_code == 2
    assert "nothing for a" in result.output


def test_the_page_holds_no_script_and_escapes_articles() -> None:
    text = "<script>alert(1)</script> will send <b>trucks</b>."
    article = Article(text, id="x")
    start = text.index("send")
    record = {
        "actors": [{"text": "alert", "start": 8, "end": 13}],
        "action": {"text": "send", "start": start, "end": start + 4},
    }
    gold = Gold("x", "", article, {"commitments": [record]})
    html = page(evaluate("<i>m</i>", [gold], BASELINES["rules"]))
    assert "<script" not in html
    assert "<b>trucks" not in html
    assert "<i>m" not in html
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in html
    assert not re.search(r"""(?:src|href)=|url\(|@import""", html)


def test_people_agree_enough() -> None:
    """The ceiling of the scores: one labeller against another, over the articles whose text is at hand."""
    people = agreement(HERE / "agreement", ARTICLES, None)
    assert people is not None
    assert people.counts("all.relaxed").f1 >= 0.75
    assert len(list((HERE / "agreement" / "first").glob("*.json"))) >= 12
    for name in people.articles:
        assert (HERE / "agreement" / "second" / f"{name}.json").exists()


# The regression suite, on the articles that every clone has.

DEV = [
    one
    for one in load(GOLD, (REPOSITORY / "evals" / "articles", REPOSITORY / "seeds"), None, "dev")
    if isinstance(one, Gold)
]


def test_gold_against_itself_is_perfect_and_better_than_the_baseline() -> None:
    itself = Scores(score_records(one.records, one) for one in DEV)
    assert itself.counts("all.strict").f1 == itself.counts("commitments.records").f1 == 1.0
    found, _ = gate.compare(itself, gate.read(HERE / "baseline.json"))
    assert {one.word for one in found if one.metric != "disputes.relaxed"} == {"better"}


def test_a_deliberately_worsened_prompt_turns_the_gate_red(tmp_path: Path, bundled: Any) -> None:
    from extractor import Extractor

    template = (REPOSITORY / "prompts" / "bundled.j2").read_text("utf-8")
    (tmp_path / "worse.j2").write_text(template.replace("{{ passage }}", "{{ passage | reverse }}"), "utf-8")
    worse = Extractor(engine=bundled.engine, prompt=str(tmp_path / "worse.j2"))
    scores = Scores(score_article(worse.extract(one.article), one) for one in DEV)
    found, _ = gate.compare(scores, gate.read(HERE / "baseline.json"))
    assert next(one.word for one in found if one.metric == "all.relaxed") == "worse"


def test_look_up_by_id_and_text() -> None:
    extraction: Extraction = BASELINES["rules"](Article(TEXT, id="a"))
    assert predicted([extraction])(Article(TEXT, id="a")) is extraction
