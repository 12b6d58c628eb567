"""Grounding: which occurrence a quote is, offsets in the article, and the sentence of a record."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from extractor.grounding import attach_sentence, ground, main_quote, map_quotes, quotes
from extractor.passages import Passage, sentences
from extractor.schemas import Commitment, Dispute, Duration, Participant, Quote, occurrences


def passage(text: str, start: int = 0) -> Passage:
    return Passage(text, start, start + len(text))


def commitment(text: str, **fields: object) -> Commitment:
    empty = {"beneficiary": None, "condition": None, "duration": None, "speaker": None}
    rest = {"status": "pledged", "category": "aid"}
    return Commitment.model_validate(empty | rest | fields, context={"passage": text})


class Entry(BaseModel):
    person: Quote | None
    assets: list[Quote] = Field(max_length=3)


class Sanction(BaseModel):
    """A user's own record, without any derived field."""

    measure: Literal["freeze", "ban"]
    entries: list[Entry] = Field(max_length=3)
    basis: Quote


TALK = "Merz met Macron. Macron promised aid. Rutte praised Macron."


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        # one occurrence only: where it is
        (TALK, {"actors": ["Merz"], "action": "promised aid"}, {"actors.0": 0, "action": 24}),
        # several: nearest to what has one
        (TALK, {"actors": ["Macron"], "action": "promised aid"}, {"actors.0": 17, "action": 24}),
        (TALK, {"actors": ["Macron"], "action": "praised"}, {"actors.0": 52, "action": 44}),
        # the action outweighs another anchor
        (
            "Kyiv asked. The US said it would help, and the US left Kyiv; Rutte spoke.",
            {"actors": ["US"], "action": "left", "speaker": "Rutte"},
            {"actors.0": 47, "action": 50, "speaker": 61},
        ),
        # nothing with one occurrence: the tightest combination, the earliest of equal ones
        (
            "France. aid, or none at all. France aid. France aid.",
            {"actors": ["France"], "action": "aid"},
            {"actors.0": 29, "action": 36},
        ),
        # inside another word is no occurrence
        ("Australian US aid", {"actors": ["US"], "action": "aid"}, {"actors.0": 11, "action": 14}),
    ],
)
def test_repeated_words_are_those_nearest_to_their_record(text, fields, expected):
    grounded = ground(commitment(text, **fields), passage(text))
    assert {path: quote.start for path, quote in quotes(grounded)} == expected


def test_a_stance_keeps_to_its_own_party():
    text = "Russia wants the Donbas. Kyiv wants its land back. Russia and Kyiv dispute territory."
    record = Dispute.model_validate(
        {
            "parties": ["Russia", "Kyiv"],
            "issue": "territory",
            "stances": [
                {"party": "Russia", "stance": "wants the Donbas"},
                {"party": "Kyiv", "stance": "wants its land"},
            ],
            "state": "open",
        },
        context={"passage": text},
    )
    places = {path: quote.start for path, quote in quotes(ground(record, passage(text)))}
    assert (places["stances.0.party"], places["stances.1.party"]) == (0, 25)
    assert (places["parties.0"], places["parties.1"]) == (51, 62)


def test_offsets_move_into_the_article():
    article = "Long before. Macron promised aid."
    grounded = ground(
        commitment(article[13:], actors=["Macron"], action="promised aid"), Passage(article[13:], 13, len(article))
    )
    assert [(q.start, article[q.start : q.end]) for _, q in quotes(grounded)] == [(13, "Macron"), (20, "promised aid")]


def test_a_users_own_record_is_walked_to_its_leaves():
    text = "Assets of Ivanov in Riga and a yacht are frozen under Rule 7; Ivanov objects."
    record = Sanction.model_validate(
        {
            "measure": "freeze",
            "entries": [{"person": "Ivanov", "assets": ["yacht"]}, {"person": None, "assets": []}],
            "basis": "Rule 7",
        },
        context={"passage": text},
    )
    grounded = ground(record, passage(text, 100))
    assert [(path, q.start) for path, q in quotes(grounded)] == [
        ("entries.0.person", 110),
        ("entries.0.assets.0", 131),
        ("basis", 154),
    ]
    assert grounded.measure == "freeze"
    assert main_quote(grounded) == grounded.basis


def test_derived_quotes_are_neither_listed_nor_changed():
    place = Quote(text="Macron", start=0, end=6)
    record = Participant(name=place, kind="person", title=None, represents=None, sentence=place, mentions=[place])
    moved = map_quotes(record, lambda quote: quote.moved(5))
    assert list(quotes(record)) == [("name", place)]
    assert (moved.name.start, moved.sentence, moved.mentions) == (5, place, [place])


def test_a_quote_from_elsewhere_is_refused():
    with pytest.raises(ValueError, match="does not stand"):
        ground(commitment(TALK, actors=["Merz"], action="met"), passage("Something else."))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("met Macron", "Merz met Macron."),
        ("promised aid", "Macron promised aid."),
        ("aid. Rutte praised", "Macron promised aid. Rutte praised Macron."),
    ],
)
def test_the_sentence_holds_the_main_quote(action, expected):
    record = attach_sentence(
        ground(commitment(TALK, actors=["Merz"], action=action), passage(TALK)), TALK, sentences(TALK)
    )
    assert record.sentence is not None
    assert record.sentence.text == TALK[record.sentence.start : record.sentence.end] == expected


def test_a_record_that_is_no_record_gets_no_sentence():
    entry = Entry(person=None, assets=[])
    assert attach_sentence(entry, TALK, sentences(TALK)) is entry


WORDS = st.sampled_from(["US", "Kyiv", "aid", "sends", "é", "中文", "e\u0301t", "😀", "the", "15", "years", "“so”"])
GAPS = st.sampled_from([" ", ", ", ". ", "\n", "-", "’s "])


@st.composite
def texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.tuples(WORDS, GAPS), min_size=3, max_size=30))
    return "".join(word + gap for word, gap in words).strip()


@st.composite
def commitments(draw: st.DrawFn) -> tuple[str, Commitment]:
    text = draw(texts())
    spans = [(i, j) for i in range(len(text)) for j in range(i + 1, min(len(text), i + 14) + 1)]
    whole = sorted({text[i:j] for i, j in spans if text[i:j].strip() == text[i:j] and occurrences(text[i:j], text)})
    quote = st.sampled_from(whole)
    fields = {"actors": draw(st.lists(quote, min_size=1, max_size=3)), "action": draw(quote)}
    optional = {name: draw(st.none() | quote) for name in ("beneficiary", "condition", "duration", "speaker")}
    return text, commitment(text, **fields, **optional)


@given(commitments(), st.text(max_size=20))
def test_every_quote_stands_verbatim_in_the_article(told, before):
    text, record = told
    article = before + text
    grounded = ground(record, Passage(text, len(before), len(article)))
    assert [(path, q.text) for path, q in quotes(grounded)] == [(path, q.text) for path, q in quotes(record)]
    assert all(article[q.start : q.end] == q.text for _, q in quotes(grounded))
    attached = attach_sentence(grounded, article, sentences(article))
    assert attached.sentence is not None
    assert article[attached.sentence.start : attached.sentence.end] == attached.sentence.text
    assert attached.sentence.start <= attached.action.start < attached.action.end <= attached.sentence.end


@given(commitments())
def test_words_with_one_occurrence_stay_where_they_are(told):
    text, record = told
    before, after = dict(quotes(record)), dict(quotes(ground(record, passage(text))))
    assert all(after[path] == quote for path, quote in before.items() if len(occurrences(quote.text, text)) == 1)


def test_the_main_quote_of_each_kind():
    text = "The 15-year term divides Kyiv and Moscow."
    context = {"passage": text}
    duration = {"text": "15-year", "applies_to": "term", "modality": "proposed"}
    dispute = {"parties": ["Kyiv", "Moscow"], "issue": "term", "stances": [], "state": "open"}
    assert str(main_quote(Duration.model_validate(duration, context=context))) == "15-year"
    assert str(main_quote(Dispute.model_validate(dispute, context=context))) == "term"
    assert str(main_quote(commitment(text, actors=["Kyiv"], action="divides"))) == "divides"
