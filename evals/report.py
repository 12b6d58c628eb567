"""An evaluation as tables on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ..passages import sentences
from ..rendering import plain as shown
from .evaluation import Evaluation
from .gate import Verdict
from .gold_files import Record, Skipped, plain
from .metrics import CHOICES, Counts
from .scores import ArticleScore, Scores
from .stats import ece, f1, interval, reliability, risk_coverage

WORST = 5
_STYLE: dict[str, Any] = {"title_justify": "left", "title_style": "bold", "box": SIMPLE_HEAD, "pad_edge": False}


def tables(one: Evaluation) -> Group:
    """The worst articles, what was skipped, calibration, choices and fields; the headline last, where the eye is."""
    parts: list[RenderableType] = [part for article in one.scores.worst(WORST) for part in _article(article)]
    parts += list(_skipped(one.skipped))
    parts += [table for table in (_confusions(one.scores), _choices(one), _fields(one)) if table.row_count]
    parts += [Text(line) for line in _calibration(one.scores)]
    parts += [headline(one)]
    return Group(*parts)


def verdict_table(verdicts: Sequence[Verdict], others: Sequence[str]) -> Group:
    """The gate's verdicts."""
    table = Table(*("metric", "baseline", "now", "p", "verdict"), title="Against the baseline", **_STYLE)
    colour = {"better": "green", "worse": "red", "inconclusive": ""}
    for verdict in verdicts:
        figures = [f"{figure:.3f}" for figure in (verdict.before, verdict.after, verdict.p)]
        table.add_row(verdict.metric, *figures, Text(verdict.word, style=colour[verdict.word]))
    note = f"not compared, since only one side has them with this gold: {', '.join(others)}" if others else ""
    return Group(table, shown(note, style="dim")) if note else Group(table)


def as_json(one: Evaluation, verdicts: Sequence[Verdict] = ()) -> dict[str, Any]:
    """Everything the tables show, and every article's counts, as plain data."""
    scores = one.scores
    return {
        "name": one.name,
        "provenance": one.provenance.model_dump() if one.provenance else None,
        "articles": {
            name: {
                "split": article.gold.split,
                "counts": {metric: _plain_counts(counts) for metric, counts in article.counts.items()},
                "missed": {kind: [plain(r) for r in article.missed(kind)] for kind in article.same},
                "spurious": {kind: [plain(r) for r in article.spurious(kind)] for kind in article.same},
            }
            for name, article in scores.articles.items()
        },
        "metrics": {metric: _metric(scores, metric) for metric in scores.metrics()},
        "baselines": {
            name: {metric: f1(rival.tallies(metric)) for metric in rival.metrics()}
            for name, rival in one.rivals.items()
        },
        "agreement": {m: f1(one.people.tallies(m)) for m in one.people.metrics()} if one.people else None,
        "confusions": {
            f"{kind}.{choice}": [
                {"gold": gold, "found": found, "records": n}
                for (gold, found), n in scores.confusion(kind, choice).items()
            ]
            for kind in scores.kinds()
            for choice in CHOICES[kind]
        },
        "calibration": {
            "ece": ece(scores.outcomes()),
            "bins": [vars(one) for one in reliability(scores.outcomes())],
            "risk_coverage": risk_coverage(scores.outcomes()),
        },
        "skipped": [{"name": s.name, "split": s.split, "reason": s.reason} for s in one.skipped],
        "gate": [vars(verdict) | {"verdict": verdict.word} for verdict in verdicts],
    }


def _metric(scores: Scores, metric: str) -> dict[str, Any]:
    tallies = scores.tallies(metric)
    counts = scores.counts(metric)
    low, high = interval(tallies)
    ratios = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall, "low": low, "high": high}
    return ratios | _plain_counts(counts)


def _plain_counts(counts: Counts) -> dict[str, int]:
    return {"correct": counts.correct, "found": counts.predicted, "gold": counts.gold}


def headline(one: Evaluation) -> Table:
    """Kinds in columns; below the extractor's figures those of the baselines and of people."""
    scores, kinds = one.scores, ["all", *one.scores.kinds()]
    title = f"{one.name}: argument F1 on {len(scores.articles)} gold article{'s'[: len(scores.articles) != 1]}"
    table = Table("", *kinds, title=shown(title), **_STYLE)

    def add(name: str, figure: Callable[[str], str], style: str = "") -> None:
        table.add_row(shown(name, style=style), *(Text(figure(kind), style=style) for kind in kinds))

    def between(kind: str) -> str:
        low, high = interval(scores.tallies(f"{kind}.relaxed"))
        return f"{low:.2f}-{high:.2f}" if len(scores.articles) > 1 else "-"

    add(one.name, lambda kind: _figure(scores.counts(f"{kind}.relaxed")), style="bold")
    add("  95%", between)
    add("  precision", lambda kind: f"{scores.counts(f'{kind}.relaxed').precision:.2f}")
    add("  recall", lambda kind: f"{scores.counts(f'{kind}.relaxed').recall:.2f}")
    add("  strict", lambda kind: _figure(scores.counts(f"{kind}.strict")))
    add("  records", lambda kind: _figure(scores.counts(f"{kind}.records")))
    for name, rival in one.rivals.items():
        add(name, lambda kind, rival=rival: _figure(rival.counts(f"{kind}.relaxed")))  # type: ignore[misc]
    if people := one.people:
        add(f"people, on {len(people.articles)}", lambda kind: _figure(people.counts(f"{kind}.relaxed")), style="bold")
        add("  strict", lambda kind: _figure(people.counts(f"{kind}.strict")))
    return table


def _fields(one: Evaluation) -> Table:
    headings = ("field", "F1", "precision", "recall", "strict", *(("people",) if one.people else ()), "gold")
    table = Table(*headings, title="Fields", **_STYLE)
    for kind in one.scores.kinds():
        for field in one.scores.fields(kind):
            counts = one.scores.counts(f"{kind}.relaxed.{field}")
            ratios = [_figure(counts), f"{counts.precision:.2f}", f"{counts.recall:.2f}"]
            exact = _figure(one.scores.counts(f"{kind}.strict.{field}"))
            people = [_figure(one.people.counts(f"{kind}.relaxed.{field}"))] if one.people else []
            table.add_row(f"{kind}.{field}", *ratios, exact, *people, str(counts.gold))
        table.add_section()
    return table


def _choices(one: Evaluation) -> Table:
    headings = ("choice", "accuracy", *(("people",) if one.people else ()), "aligned", "most often: gold for found")
    table = Table(*headings, title="Choices, on aligned records", **_STYLE)
    for kind in one.scores.kinds():
        for choice in CHOICES[kind]:
            metric = f"{kind}.accuracy.{choice}"
            counts = one.scores.counts(metric)
            if not counts.gold:
                continue
            people = [_figure(one.people.counts(metric))] if one.people else []
            wrong = {pair: n for pair, n in one.scores.confusion(kind, choice).items() if pair[0] != pair[1]}
            often = sorted(wrong, key=lambda pair: -wrong[pair])[:3]
            words = ", ".join(f"{gold} for {found} {wrong[gold, found]}" for gold, found in often)
            table.add_row(f"{kind}.{choice}", _figure(counts), *people, str(counts.gold), shown(words))
    return table


def _confusions(scores: Scores) -> Table:
    """The confusion matrix of status; the JSON and the page have all of them."""
    pairs = scores.confusion("commitments", "status")
    words = sorted({word for pair in pairs for word in pair if word})
    table = Table("", *words, title="Status: gold in rows, found in columns", **_STYLE)
    for gold in words:
        table.add_row(gold, *(str(pairs.get((gold, found), "")) for found in words))
    return table


def _calibration(scores: Scores) -> Iterator[str]:
    outcomes = scores.outcomes()
    if not outcomes:
        return
    curve = risk_coverage(outcomes)
    shares = (0.25, 0.5, 0.75, 1.0)
    risks = [next(risk for coverage, risk in curve if coverage >= share) for share in shares]
    told = ", ".join(f"{risk:.2f} of {share:.0%}" for risk, share in zip(risks, shares, strict=True))
    yield f"confidence: ECE {ece(outcomes):.2f}; wrong among the most confident: {told}"
    yield ""


def _article(one: ArticleScore) -> Iterator[RenderableType]:
    yield Rule(shown(f"{one.gold.name}: argument F1 {_figure(one.counts['all.relaxed'])}"), align="left", style="bold")
    for kind in one.same:
        for word, records in (("missed", one.missed(kind)), ("made up", one.spurious(kind))):
            for record in records:
                yield shown(f"{word} {kind}: {summary(kind, record)}", style="yellow" if word == "missed" else "red")
                yield shown(f"    {sentence_of(record, one.gold.article.text)}", style="dim")


def summary(kind: str, record: Record) -> str:
    """One line that tells a record."""
    words = plain(record)
    if kind == "commitments":
        terms = " · ".join(
            f"{n} {words[n]}" for n in ("beneficiary", "condition", "duration", "speaker") if words.get(n)
        )
        return f"[{words.get('status')}] {', '.join(words['actors'])}: {words['action']}" + (
            f" · {terms}" if terms else ""
        )
    if kind == "participants":
        return " · ".join(str(words[n]) for n in ("name", "kind", "title", "represents") if words.get(n))
    if kind == "durations":
        return " · ".join(str(words[n]) for n in ("text", "value", "applies_to", "modality") if words.get(n))
    stances = "; ".join(f"{s.get('party') or '?'}: {s['stance']}" for s in words.get("stances", ()))
    return f"[{words.get('state')}] {', '.join(words['parties'])}: {words['issue']}" + (
        f" · {stances}" if stances else ""
    )


def sentence_of(record: Record, text: str) -> str:
    """The sentence of an article that holds the record's main quote, the first that is no name."""
    quotes = [value for value in record.values() if isinstance(value, dict) and "start" in value]
    if not quotes:
        return ""
    start = quotes[0]["start"]
    return next((text[first:end] for first, end in sentences(text) if first <= start < end), "")


def _skipped(skipped: Sequence[Skipped]) -> Iterator[Text]:
    reasons: dict[str, list[str]] = {}
    for one in skipped:
        reasons.setdefault(one.reason, []).append(one.name)
    for reason, names in reasons.items():
        yield shown(f"skipped {len(names)} gold files, {reason}: {', '.join(names)}", style="dim")


def _figure(counts: Counts) -> str:
    return f"{counts.f1:.2f}" if counts.predicted or counts.gold else "-"
