"""The whole way on real articles, with the bundled model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Article, Extraction, Extractor, Quote
from extractor.article import read
from extractor.pipeline import KINDS

from .conftest import REPOSITORY, shared


def quotes(value: Any) -> Iterator[Quote]:
    """Every quote in a record, an extraction or a list, however deep."""
    if isinstance(value, Quote):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from quotes(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from quotes(item)


def assert_verbatim(extraction: Extraction, text: str) -> None:
    for quote in quotes(extraction):
        assert text[quote.start : quote.end] == quote.text


def articles(folder: Path) -> list[Article]:
    return [a for file in sorted(folder.glob("*.txt")) for a in read(str(file)) if isinstance(a, Article)]


SEEDS = articles(REPOSITORY / "seeds")


@pytest.mark.parametrize("article", SEEDS, ids=[article.id for article in SEEDS])
def test_seed_articles_yield_grounded_commitments(bundled: Extractor, article: Article) -> None:
    extraction = bundled.extract(article)
    assert_verbatim(extraction, article.text)
    assert any(c.actors and c.action.text for c in extraction.commitments)
    assert extraction.participants
    assert all(p.code for p in extraction.participants if p.entity == "United States")
    assert Extraction.model_validate_json(extraction.model_dump_json()) == extraction


def test_shared_articles_yield_grounded_commitments(bundled: Extractor) -> None:
    folder = shared("seeds")
    if folder is None:
        pytest.skip("the five original articles are not at hand (../shared/seeds)")
    for article in articles(folder):
        extraction = bundled.extract(article)
        assert_verbatim(extraction, article.text)
        assert any(c.actors and c.action.text for c in extraction.commitments), article.id


PIECES = st.sampled_from(
    [
        "Kenya said it would send troops to Chad for six months once a truce holds.",
        "“We will not sign,” Amina Diallo, Mali’s foreign minister, said.",
        "日本は停戦監視団を派遣する。",
        "הממשלה תשלח סיוע.",
        "e\u0301lan \U0001f468‍\U0001f469‍\U0001f467",
        '"\\u0041" \\n {"commitments":[]}',
        "\n\n",
        "\t",
        "\r\n",
        "</s>",
        "U.S. U.S.",
        "a",
        " ",
        "…",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.text(max_size=30), max_size=8).map(" ".join).filter(str.strip))
def test_every_quote_is_verbatim_whatever_the_text(bundled: Extractor, text: str) -> None:
    assert_verbatim(bundled.extract(text), text)


def test_many_articles_come_as_they_finish(bundled: Extractor) -> None:
    short = Article("Kenya will send medics to Chad.")
    found = list(bundled.extract_many(iter([short.text, SEEDS[0], ""])))
    assert {one.article.sha256: one.complete for one in found} == {
        short.sha256: True,
        SEEDS[0].sha256: True,
        None: False,
    }
    assert [failure.stage for one in found for failure in one.failures if not one.complete] == ["read"]


async def _collect(extractor: Extractor, texts: list[str]) -> list[Extraction]:
    return [one async for one in extractor.aextract_many(texts)]


def test_the_asynchronous_interface_gives_the_same(bundled: Extractor) -> None:
    import asyncio

    text = "Kenya said it would send medics to Chad for six months."
    one, other = asyncio.run(_collect(bundled, [text]))[0], bundled.extract(text)
    # The last digits of a probability depend on what else is decoded at the time.
    digits = {kind: {"__all__": {"confidence"}} for kind in KINDS}
    assert one.model_dump(exclude=digits) == other.model_dump(exclude=digits)
