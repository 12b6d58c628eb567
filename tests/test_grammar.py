"""The grammar admits what the schema and the passage admit, and nothing else."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated, Literal, Optional

import llguidance
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from extractor import SchemaError
from extractor.grammar import Grammar, build
from extractor.schemas import Commitment, Derived, Dispute, Duration, Participant, Quote, chunks

TOKENIZER = llguidance.LLTokenizer("byte")


def accepts(grammar: Grammar, passage: str, answer: str) -> bool:
    matcher = llguidance.LLMatcher(TOKENIZER, grammar.lark(passage))
    assert not matcher.is_error(), matcher.get_error()
    tokens = TOKENIZER.tokenize_bytes(answer.encode())
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class One(BaseModel):
    quote: Quote


class Inner(BaseModel):
    words: list[Quote] = Field(min_length=1, max_length=2)


class Everything(BaseModel):
    """One field of every form."""

    quote: Quote
    maybe: Quote | None
    old_style: Optional[Quote]  # noqa: UP045
    word: Literal["yes", "no", "maybe not"]
    number: int = Field(ge=-2, le=12)
    flag: bool
    note: str = Field(max_length=5)
    inner: Inner
    several: list[Inner] = Field(max_length=2)
    derived: Annotated[int | None, Derived] = None


PASSAGE = 'He said "no" to the plan — U.S. envoys, 15-year term.\nTab\there \\ end'
GOOD = {
    "quote": "the plan",
    "maybe": None,
    "old_style": "15",
    "word": "maybe not",
    "number": 12,
    "flag": True,
    "note": 'a"b',
    "inner": {"words": ["U.S. envoys"]},
    "several": [],
}


def test_every_form_is_admitted() -> None:
    grammar = build(Everything)
    assert accepts(grammar, PASSAGE, dumped(GOOD))
    assert "derived" not in grammar.json_schema["properties"]


@pytest.mark.parametrize(
    "change",
    [
        {"quote": "the plans"},
        {"quote": "plan the"},
        {"quote": "he plan"},
        {"quote": "pla"},
        {"quote": ""},
        {"quote": " the"},
        {"quote": "the "},
        {"quote": None},
        {"maybe": "not there"},
        {"word": "perhaps"},
        {"number": 13},
        {"number": -3},
        {"flag": None},
        {"note": "abcdef"},
        {"inner": {"words": []}},
        {"inner": {"words": ["He", "said", "no"]}},
        {"several": [{"words": ["He"]}] * 3},
        {"derived": 1},
    ],
)
def test_what_the_schema_forbids_cannot_be_written(change: dict[str, object]) -> None:
    assert not accepts(build(Everything), PASSAGE, dumped(GOOD | change))


@pytest.mark.parametrize("record", [Commitment, Participant, Duration, Dispute])
def test_our_own_records_have_a_grammar(record: type[BaseModel]) -> None:
    assert set(build(record).json_schema["required"]) <= set(record.model_fields)


class Colour(Enum):
    RED = 1


class Loop(BaseModel):
    quote: Quote
    more: list[Loop] = Field(max_length=2)


class Deep(BaseModel):
    inner: Shallow


class Shallow(BaseModel):
    rates: list[float] = Field(max_length=3)


@pytest.mark.parametrize(
    ("annotation", "field", "path"),
    [
        (float, Field(), "x"),
        (str, Field(), "x"),
        (int, Field(ge=0), "x"),
        (int, Field(), "x"),
        (str, Field(max_length=3, pattern="a+"), "x"),
        (list[Quote], Field(), "x"),
        (list[Quote], Field(max_length=0), "x"),
        (dict[str, int], Field(), "x"),
        (Quote | bool, Field(), "x"),
        (Quote | bool | None, Field(), "x"),
        (Colour, Field(), "x"),
        (object, Field(), "x"),
        (Quote, Field(alias="y"), "x"),
        (list[float], Field(max_length=2), "x[]"),
        (Loop, Field(), "x.more[]"),
        (Deep, Field(), "x.inner.rates[]"),
    ],
)
def test_what_no_grammar_can_express_is_refused_with_its_path(annotation: object, field: object, path: str) -> None:
    model = type("Own", (BaseModel,), {"__annotations__": {"x": annotation}, "x": field})
    with pytest.raises(SchemaError) as caught:
        build(model)
    assert str(caught.value).startswith(f"Own.{path}: ")
    assert caught.value.hint


TEXT = st.text(
    st.one_of(
        st.sampled_from("\"\\\n\t\r/ '’“”-.,aAé́👩‍👧🏽日本語ไทยשלוםعربى0９_\u200d\u00a0{}[]"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=60,
)


@given(TEXT)
def test_chunks_are_the_passage(text: str) -> None:
    assert "".join(chunks(text)) == text


@given(TEXT, st.data())
def test_any_span_between_word_boundaries_round_trips(text: str, data: st.DataObject) -> None:
    pieces = chunks(text)
    start = data.draw(st.integers(0, len(pieces) - 1))
    end = data.draw(st.integers(start + 1, len(pieces)))
    quote = "".join(pieces[start:end])
    if quote != quote.strip() or quote[0] < " ":
        return
    answer = dumped({"quote": quote})
    assert accepts(build(One), text, answer)
    found = One.model_validate_json(answer, context={"passage": text}).quote
    assert found.text == quote == text[found.start : found.end]


@given(TEXT, TEXT)
def test_what_is_not_in_the_passage_is_not_admitted(text: str, other: str) -> None:
    if other not in text:
        assert not accepts(build(One), text, dumped({"quote": other}))
