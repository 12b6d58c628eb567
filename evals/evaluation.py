"""Runs or reads predictions, and scores them beside baselines and people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..article import Article
from ..errors import InputError
from ..schemas import Extraction, Provenance
from .baselines import BASELINES
from .gold_files import Gold, Skipped, load
from .scores import ArticleScore, Scores, score_article, score_records

HERE = Path(__file__).resolve().parent
GOLD = HERE / "gold"
ARTICLES = (HERE / "articles", HERE.parent / "seeds", HERE.parent.parent / "shared" / "seeds")


@dataclass(frozen=True)
class Evaluation:
    """Scores of an extractor; of the baselines on the same articles; and of one labeller against another.

    ``provenance`` is null for predictions that come from several runs.
    """

    name: str
    scores: Scores
    skipped: Sequence[Skipped]
    rivals: dict[str, Scores]
    people: Scores | None
    provenance: Provenance | None


def default_corpus() -> Path | None:
    """The corpus that EXTRACTOR_CORPUS names, or the one beside the repository where it is."""
    named = os.environ.get("EXTRACTOR_CORPUS")
    folder = Path(named) if named else HERE.parent.parent / "shared" / "corpus"
    return folder if named or folder.is_dir() else None


def evaluate(
    name: str,
    loaded: Iterable[Gold | Skipped],
    extract: Callable[[Article], Extraction],
    people: Scores | None = None,
    each: Callable[[ArticleScore], None] = lambda score: None,
) -> Evaluation:
    """Extract from every gold article at hand and score it; ``each`` is called after every article."""
    loaded = list(loaded)
    at_hand = [one for one in loaded if isinstance(one, Gold)]
    skipped = [one for one in loaded if isinstance(one, Skipped)]
    if not at_hand:
        raise InputError("the articles of all gold files are missing", hint="Name their folder with --articles.")
    scored, provenances = [], []
    for gold in at_hand:
        extraction = extract(gold.article)
        provenances.append(extraction.provenance)
        scored.append(score_article(extraction, gold))
        each(scored[-1])
    rivals = {
        rival: Scores(score_article(baseline(gold.article), gold) for gold in at_hand)
        for rival, baseline in BASELINES.items()
    }
    same = provenances[0] if all(one == provenances[0] for one in provenances) else None
    return Evaluation(name, Scores(scored), skipped, rivals, people, same)


def predicted(extractions: Iterable[Extraction]) -> Callable[[Article], Extraction]:
    """Return a function that looks an article's extraction up, by id and by the text's hash.

    It raises ``InputError`` for an article that is not there.
    """
    found = {(one.article.id, one.article.sha256): one for one in extractions}

    def look_up(article: Article) -> Extraction:
        extraction = found.get((article.id, article.sha256))
        if extraction is None:
            raise InputError(
                f"the predictions have nothing for {article.id}, or for another text of that name",
                hint="Run the extractor on the same articles, or choose a split with --split.",
            )
        return extraction

    return look_up


def agreement(folder: Path, articles: Sequence[Path], corpus: Path | None) -> Scores | None:
    """Score the second of two independent labellers against the first; none where nothing was labelled twice."""
    if not folder.is_dir():
        return None
    first = [one for one in load(folder / "first", articles, corpus) if isinstance(one, Gold)]
    second = {one.name: one for one in load(folder / "second", articles, corpus) if isinstance(one, Gold)}
    return Scores(score_records(second[one.name].records, one) for one in first if one.name in second)
