"""Merging: nothing twice, nothing lost, entities once, roles derived."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor.grounding import ground, main_quote, quotes
from extractor.merging import merge
from extractor.passages import Passage
from extractor.schemas import Commitment, Dispute, Duration, Participant, Quote, Record, occurrences
from extractor.similarity import alike, overlap

KINDS: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "commitments": (
        Commitment,
        {
            "beneficiary": None,
            "condition": None,
            "duration": None,
            "speaker": None,
            "status": "pledged",
            "category": "military",
        },
    ),
    "participants": (Participant, {"kind": "person", "title": None, "represents": None}),
    "durations": (Duration, {"applies_to": None, "modality": "proposed"}),
    "disputes": (Dispute, {"stances": [], "state": "open"}),
}


def told(text: str, kind: str, /, after: str = "", **fields: Any) -> Any:
    """A grounded record that stands in ``text`` from the words ``after`` on."""
    start = text.index(after)
    model, defaults = KINDS[kind]
    record = model.model_validate(defaults | fields, context={"passage": text[start:]})
    return ground(record, Passage(text[start:], start, len(text)))


def merged(text: str, *records: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in KINDS}
    for record in records:
        name = next(name for name, (model, _) in KINDS.items() if isinstance(record, model))
        found[name].append(record)
    return merge(found, text)


def texts(places: list[Quote]) -> list[str]:
    return [place.text for place in places]


TWICE = (
    "France will send troops to Ukraine. Earlier, Paris offered sending troops to Ukraine once a truce holds, "
    "Macron said. France will not send tanks. France will send troops for 30 days."
)


def test_a_promise_told_twice_is_one_with_two_mentions():
    first = told(TWICE, "commitments", actors=["France"], action="send troops", beneficiary="Ukraine", confidence=0.9)
    fuller = told(
        TWICE,
        "commitments",
        after="Earlier",
        actors=["Paris"],
        action="sending troops",
        condition="once a truce holds",
        speaker="Macron",
        status="offered",
        confidence=0.5,
    )
    (one,) = merged(TWICE, first, fuller)["commitments"]
    assert one.action == fuller.action
    assert one.condition == fuller.condition
    assert one.beneficiary == first.beneficiary  # the fuller telling has none
    assert one.status == "pledged"  # the strongest reading
    assert one.confidence == 0.9
    assert one.mentions == [first.action, fuller.action]
    assert one.sentence.text.startswith("Earlier")


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 1),
        ({"status": "signed"}, 1),
        ({"status": "refused"}, 2),
        ({"status": "requested"}, 2),
        ({"status": "dropped"}, 2),
        ({"actors": ["Macron"]}, 2),
        ({"actors": ["Macron", "Paris"]}, 1),
        ({"action": "truce holds"}, 2),
    ],
)
def test_what_makes_two_promises_one(change, count):
    first = told(TWICE, "commitments", actors=["France"], action="send troops")
    other = {"actors": ["Paris"], "action": "sending troops"} | change
    assert len(merged(TWICE, first, told(TWICE, "commitments", after="Earlier", **other))["commitments"]) == count


def test_promises_of_different_length_differ():
    text = "The US offers guarantees for 15 years. Kyiv heard that the US offers guarantees for 50 years."
    short = told(text, "commitments", actors=["US"], action="guarantees", duration="15 years")
    long = told(text, "commitments", after="Kyiv", actors=["US"], action="guarantees", duration="50 years")
    assert len(merged(text, short, long)["commitments"]) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("send troops", "sending troops", True),
        ("provide long-term military assistance", "continue long-term military assistance to Kyiv", True),
        ("send troops", "send money", False),
        ("release 30 prisoners", "release 50 prisoners", False),
        ("monitor the ceasefire", "ceasefire monitoring", True),
        ("join", "join a force under European command", False),
        ("support", "support", True),
        ("give", "offer", False),
    ],
)
def test_actions_alike(one, other, same):
    assert alike(one, other) is alike(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("the term", "term", 1.0), ("a peace deal", "deals", 2 / 3), ("war", "peace", 0.0), ("the", "of", 0.0)],
)
def test_overlap_of_content_words(one, other, expected):
    assert overlap(one, other) == pytest.approx(expected)


LENGTHS = (
    "The term is 15 years and can be extended. The 15-year term began. A war of 15 years ended; fifteen years, said he."
)


def test_durations_with_one_value_and_bearer_are_one():
    records = [
        told(LENGTHS, "durations", text="15 years", applies_to="term"),
        told(LENGTHS, "durations", after="The 15", text="15-year", applies_to="term"),
        told(LENGTHS, "durations", after="A war", text="15 years", applies_to="war"),
        told(LENGTHS, "durations", after="fifteen", text="fifteen years", modality="elapsed"),
    ]
    term, war, past = merged(LENGTHS, *records)["durations"]
    assert (term.value, term.mod, term.extendable, texts(term.mentions)) == (
        "P15Y",
        None,
        True,
        ["15 years", "15-year"],
    )
    assert (war.value, war.extendable, len(war.mentions)) == ("P15Y", False, 1)
    assert past.modality == "elapsed"


ROW = "Russia wants the Donbas. Kyiv rejects a withdrawal from it. Ukraine and Moscow argue over the Donbas region."


def test_disputes_over_one_issue_unite_their_sides():
    first = told(
        ROW,
        "disputes",
        parties=["Russia", "Kyiv"],
        issue="Donbas",
        stances=[{"party": "Russia", "stance": "wants the Donbas"}],
    )
    second = told(
        ROW,
        "disputes",
        after="Kyiv",
        parties=["Ukraine", "Moscow"],
        issue="Donbas region",
        stances=[{"party": "Kyiv", "stance": "rejects a withdrawal"}],
    )
    other = told(ROW, "disputes", parties=["Russia", "Kyiv"], issue="withdrawal")
    one, apart = sorted(merged(ROW, first, second, other)["disputes"], key=lambda d: d.issue.text)
    assert texts(one.mentions) == ["Donbas", "Donbas region"]
    assert sorted(texts(one.parties)) in (["Kyiv", "Russia"], ["Moscow", "Ukraine"])
    assert {stance.stance.text for stance in one.stances} == {"wants the Donbas", "rejects a withdrawal"}
    assert apart.issue.text == "withdrawal"


NEWS = (
    "President Emmanuel Macron hosted Volodymyr Zelenskiy in Paris. Mark Carney did not attend. Macron said France "
    "would send troops to Kyiv. Zelenskyy demanded that the United States send jets. The US and Russia disagree over "
    "the troops. The French president thanked the envoys of Donald Trump."
)


def news() -> list[Any]:
    return [
        told(NEWS, "participants", name="Emmanuel Macron", title="President"),
        told(NEWS, "participants", after="Macron said", name="Macron", represents="France"),
        told(NEWS, "participants", after="The French", name="The French president"),
        told(NEWS, "participants", name="Volodymyr Zelenskiy"),
        told(NEWS, "participants", after="Zelenskyy", name="Zelenskyy", kind="group"),
        told(NEWS, "participants", name="Mark Carney"),
        told(NEWS, "participants", name="Donald Trump"),
        told(NEWS, "participants", after="The US", name="US", kind="organisation"),
        told(
            NEWS, "commitments", actors=["France"], action="send troops to Kyiv", beneficiary="Kyiv", speaker="Macron"
        ),
        told(
            NEWS, "commitments", actors=["United States"], action="send jets", speaker="Zelenskyy", status="requested"
        ),
        told(NEWS, "disputes", after="The US", parties=["US", "Russia"], issue="troops"),
    ]


def test_participants_become_one_per_entity():
    people = {p.entity: p for p in merged(NEWS, *news())["participants"]}
    macron, united_states = people["Emmanuel Macron"], people["United States"]
    assert (macron.name.text, macron.title.text, macron.represents.text) == ("Emmanuel Macron", "President", "France")
    assert texts(macron.mentions) == ["Emmanuel Macron", "Macron", "The French president"]
    assert texts(people["Volodymyr Zelenskiy"].mentions) == ["Volodymyr Zelenskiy", "Zelenskyy"]
    assert people["Volodymyr Zelenskiy"].kind == "person"
    assert (united_states.name.text, united_states.kind, united_states.code) == ("United States", "state", "USA")
    assert texts(united_states.mentions) == ["United States", "US"]


def test_states_in_other_records_are_participants_too():
    added = {p.entity: p for p in merged(NEWS, *news())["participants"] if p.code in ("FRA", "UKR", "RUS")}
    assert {name: (p.name.text, p.kind) for name, p in added.items()} == {
        "France": ("France", "state"),
        "Ukraine": ("Kyiv", "state"),
        "Russia": ("Russia", "state"),
    }


def test_roles_follow_from_the_other_records():
    roles = {p.entity: p.roles for p in merged(NEWS, *news())["participants"]}
    assert roles == {
        "Emmanuel Macron": ["speaker", "attendee"],
        "Volodymyr Zelenskiy": ["requester", "speaker", "attendee"],
        "Mark Carney": [],
        "Donald Trump": [],
        "France": ["committer"],
        "Ukraine": ["beneficiary"],
        "United States": ["committer", "disputant"],
        "Russia": ["disputant"],
    }


@pytest.mark.parametrize(
    ("sentence", "attends"),
    [
        ("Rutte also attended.", True),
        ("Rutte took part in the talks.", True),
        ("Macron met with Rutte.", True),
        ("The meeting, which included envoys, pleased Rutte.", True),
        ("Also at the table was Rutte.", True),
        ("Rutte was absent from talks that Macron hosted.", False),
        ("Rutte did not take part.", False),
        ("At a council meeting in Bonn Rutte spoke.", False),
        ("Envoys attended, Rutte said.", False),
        ("Rutte said that envoys attended.", False),
        ("Rutte’s envoys attended.", False),
        ("Rutte sent a letter.", False),
    ],
)
def test_who_attends(sentence, attends):
    (rutte,) = merged(sentence, told(sentence, "participants", name="Rutte"))["participants"]
    assert (rutte.roles == ["attendee"]) is attends


class Sanction(BaseModel):
    target: Quote
    until: Quote | None
    lifted: bool


def test_a_users_own_records_lose_exact_duplicates_only():
    text = "Bank A until May. Bank A until May. Bank A is free."
    context = {"passage": text}
    values = [("Bank A", "May", False), ("Bank A", "May", False), ("Bank A", None, False), ("Bank A", "May", True)]
    records = [
        Sanction.model_validate(dict(zip(("target", "until", "lifted"), value, strict=True)), context=context)
        for value in values
    ]
    result = merge({"participants": records[:0], "sanctions": [records[0], *records]}, text)
    assert [(str(r.target), r.until and str(r.until), r.lifted) for r in result["sanctions"]].count(
        ("Bank A", "May", False)
    ) == 1
    assert len(result["sanctions"]) == 3
    assert result["participants"] == []


def test_only_the_lists_that_were_asked_for_come_back():
    record = told(NEWS, "commitments", actors=["France"], action="send troops to Kyiv")
    assert set(merge({"commitments": [record]}, NEWS)) == {"commitments"}
    assert merge({}, NEWS) == {}


def test_names_of_ours_may_hold_a_users_own_records():
    record = Sanction.model_validate({"target": "France", "until": None, "lifted": True}, context={"passage": NEWS})
    assert merge({"commitments": [record, record]}, NEWS) == {"commitments": [record]}


# Properties, over articles of sentences that repeat and vary names, with records of arbitrary spans.

SENTENCES = st.sampled_from(
    [
        "French President Emmanuel Macron met Zelenskyy in Paris.",
        "Macron said France would send 500 troops to Ukraine for 15 years.",
        "The U.S. is ready to send troops for up to 15 years, the Ukrainian president said.",
        "Volodymyr Zelenskiy asked Washington for American guarantees.",
        "Moscow and the European Union (EU) dispute the guarantees; Russia’s leader refused.",
        "The EU, the prime minister and Donald J. Trump attended the summit.",
        "Prime Minister Keir Starmer told Trump: “Kyiv needs troops once there is a truce.”",
        "Who are they? The WHO and Xi did not come, but Xi Jinping’s envoy did.",
    ]
)
NAMES = re.findall(
    r"[^|\n]+",
    """Emmanuel Macron|Macron|Zelenskyy|Volodymyr Zelenskiy|Zelenskiy|Russia’s leader|the Ukrainian president|U.S.|
Washington|American|Moscow|Russia|the European Union|EU|Trump|Donald J. Trump|the prime minister|Keir Starmer|
Prime Minister|President|Prime Minister Keir Starmer|French|WHO|Who|they|Xi|Xi Jinping|15 years|up to 15 years|
send 500 troops|send troops|American guarantees|guarantees|troops|the summit|Kyiv|Ukraine|Paris|France""",
)
STATUSES = st.sampled_from(["signed", "pledged", "offered", "proposed", "requested", "refused", "dropped"])


@st.composite
def articles(draw: st.DrawFn) -> tuple[str, dict[str, list[Record]]]:
    text = " ".join(draw(st.lists(SENTENCES, min_size=1, max_size=6)))
    spans = [(i, j) for i in range(len(text)) for j in range(i + 1, min(len(text), i + 26) + 1)]
    whole = [(i, j) for i, j in spans if text[i:j].strip() == text[i:j] and i in occurrences(text[i:j], text)]
    named = [(at, at + len(name)) for name in NAMES for at in occurrences(name, text)]
    span = st.sampled_from(named or whole) | st.sampled_from(whole)
    quote = span.map(lambda span: Quote(text=text[slice(*span)], start=span[0], end=span[1]))
    some, several = st.none() | quote, st.lists(quote, min_size=1, max_size=3)
    kinds = st.sampled_from(["person", "state", "organisation", "group"])
    stance = st.fixed_dictionaries({"party": some, "stance": quote})
    optional = dict.fromkeys(("beneficiary", "condition", "duration", "speaker"), some)
    fields: dict[str, dict[str, Any]] = {
        "commitments": {"actors": several, "action": quote, "status": STATUSES, "category": st.just("aid"), **optional},
        "participants": {"name": quote, "kind": kinds, "title": some, "represents": some},
        "durations": {"text": quote, "applies_to": some, "modality": st.sampled_from(["proposed", "elapsed"])},
        "disputes": {
            "parties": several,
            "issue": quote,
            "stances": st.lists(stance, max_size=2),
            "state": st.just("open"),
        },
    }
    return text, {
        name: [KINDS[name][0](**values) for values in draw(st.lists(st.fixed_dictionaries(forms), max_size=5))]
        for name, forms in fields.items()
    }


def all_quotes(record: Record) -> list[Quote]:
    return [*(quote for _, quote in quotes(record)), *record.mentions, *([record.sentence] if record.sentence else [])]


@settings(deadline=None)
@given(articles())
def test_every_quote_of_a_merged_record_is_verbatim(article):
    text, found = article
    for records in merge(found, text).values():
        assert [r.model_validate(r.model_dump()) for r in records] == records  # within the schema's bounds
        assert all(text[q.start : q.end] == q.text for record in records for q in all_quotes(record))


@settings(deadline=None)
@given(articles())
def test_merging_a_merged_article_changes_nothing(article):
    text, found = article
    once = merge(found, text)
    assert merge(once, text) == once


@settings(deadline=None)
@given(articles())
def test_no_record_is_lost_unless_merged(article):
    text, found = article
    result = merge(found, text)
    for name, records in found.items():
        kept = [mention for record in result[name] for mention in record.mentions]
        for record in records:
            told_at = main_quote(record)
            # of two names that overlap, the longer one is kept
            assert any(told_at.start < mention.end and mention.start < told_at.end for mention in kept)
            assert name == "participants" or told_at in kept
        assert len(result[name]) <= len(records) or name == "participants"


@settings(deadline=None)
@given(articles(), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(article, random):
    text, found = article
    shuffled = {name: random.sample(records, len(records)) for name, records in found.items()}
    assert merge(shuffled, text) == merge(found, text)
    for records in merge(found, text).values():
        starts = [main_quote(record).start for record in records]
        assert starts == sorted(starts)
