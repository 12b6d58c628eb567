"""Where lengths of time stand in a text."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import Extractor
from extractor.filling import fill, kind, patched
from extractor.measures import find_durations
from extractor.normalising import normalise_duration
from extractor.passages import Passage
from extractor.schemas import Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The truce runs for 45 days and can be renewed.", ["45 days"]),
        ("a three-year loan, repayable over up to 15 years", ["three-year", "up to 15 years"]),
        ("It has lasted more than two and a half years.", ["more than two and a half years"]),
        (
            "The war is in its fourth year, after nearly half a century of peace.",
            ["fourth year", "nearly half a century"],
        ),
        ("between 18 and 24 months, or several weeks at least", ["between 18 and 24 months", "several weeks"]),
        ("They waited for a decade. It took an hour.", ["a decade", "an hour"]),
        ("decades of rule; talks for years; in the coming weeks", ["decades", "years", "coming weeks"]),
        ("The lease of ninety-nine years may be cut to thirty-five years.", ["ninety-nine years", "thirty-five years"]),
    ],
)
def test_lengths_of_time_are_found(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in find_durations(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "a 34-year-old farmer, aged 12 years",
        "It was signed two weeks ago and revised three years later.",
        "They give $5 million a year and meet every six months.",
        "on Tuesday, in January 2026, by 2030, this week, last year",
        "On the second day of the first week he will one day return.",
        "a year of drought",
        "",
    ],
)
def test_dates_ages_and_rates_are_none(text: str) -> None:
    assert [text[start:end] for start, end in find_durations(text)] == []


WORDS = st.sampled_from(
    [
        "the",
        "a",
        "two",
        "45",
        "half",
        "several",
        "first",
        "year",
        "years",
        "day",
        "days-old",
        "month",
        "ago",
        "past",
        "$5",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_places_are_in_order_apart_and_of_a_known_length(text: str) -> None:
    found = find_durations(text)
    assert all(end <= start for (_, end), (start, _) in pairwise(found))
    assert all(normalise_duration(text[start:end]) for start, end in found)


def test_the_model_is_asked_about_every_length_and_no_other(bundled: Extractor) -> None:
    text = "Kenya will send 40 medics for six months. The camp has stood for nearly a decade."
    durations = kind("durations", Duration)
    passage = Passage(text, 0, len(text))
    filled = asyncio.run(
        fill(
            patched(bundled.engine), bundled.engine.info, bundled.template, durations, passage, time.monotonic() + 60, 0
        )
    )
    assert [record.text.text for record in filled.records] == ["six months", "nearly a decade"]  # type: ignore[attr-defined]
    assert durations.grammar_of("Kenya will send 40 medics.") is None
