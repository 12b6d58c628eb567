"""The public sets' adapters, on made-up samples in the sets' formats, with figures worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from extractor.article import Article
from extractor.errors import InputError
from extractor.evals.baselines import rules
from extractor.evals.evaluation import default_corpus
from extractor.evals.tasks import nothing, plover, rams, tempeval
from extractor.evals.tasks.__main__ import app
from extractor.evals.tasks.common import Figure, names
from extractor.schemas import Commitment, Dispute, Duration, Extraction, Participant

from .conftest import REPOSITORY


class Canned:
    """Returns records written by hand, by the article's id."""

    def __init__(self, records: Mapping[str, Mapping[str, list[Any]]]) -> None:
        self.records = records
        self.read: list[Article] = []

    def extract(self, article: Article, /) -> Extraction:
        self.read.append(article)
        return rules.extraction(article, self.records.get(article.id, {}))


class Rules:
    def extract(self, article: Article, /) -> Extraction:
        return rules.extract(article)


def quote(text: str) -> dict[str, Any]:
    return {"text": text, "start": 0, "end": len(text)}


def promise(actor: str, status: str, beneficiary: str | None = None, duration: str | None = None) -> Commitment:
    return Commitment.model_validate(
        {
            "actors": [quote(actor)],
            "action": quote("lend a hand"),
            "beneficiary": beneficiary and quote(beneficiary),
            "condition": None,
            "duration": duration and quote(duration),
            "speaker": None,
            "status": status,
            "category": "other",
        }
    )


def participant(name: str, *mentions: str) -> Participant:
    return Participant.model_validate(
        {
            "name": quote(name),
            "kind": "group",
            "title": None,
            "represents": None,
            "mentions": [quote(text) for text in mentions],
        }
    )


def length(text: str) -> Duration:
    return Duration.model_validate({"text": quote(text), "applies_to": None, "modality": "agreed"})


def split(loaded: list[Any]) -> tuple[list[Any], list[str]]:
    """Examples, and what is wrong with the others."""
    return (
        [one for one in loaded if not isinstance(one, InputError)],
        [str(one) for one in loaded if isinstance(one, InputError)],
    )


def counts(figures: list[Figure]) -> dict[str, tuple[int, int]]:
    return {one.name: (one.found, one.of) for one in figures}


def test_names_are_those_of_participants_commitments_and_disputes() -> None:
    dispute = {"parties": [quote("Quay Board")], "issue": quote("tolls"), "stances": [], "state": "open"}
    found = rules.extraction(
        Article("x"),
        {
            "participants": [participant("Ferry Guild", "the guild")],
            "commitments": [promise("Chad", "pledged", "Mali")],
            "disputes": [Dispute.model_validate(dispute)],
        },
    )
    assert names(found) == {"Ferry Guild", "the guild", "Chad", "Mali", "Quay Board"}


# --- PLOVER


def coded(name: str, event: Any, actors: list[str], recipients: list[str]) -> dict[str, Any]:
    """A record as the released file has it."""
    return {
        "id": name,
        "event": event,
        "text": f"A made-up sentence of {name}.",
        "source": [{"actorText": text, "code": "XXX"} for text in actors],
        "target": [{"actorText": text, "code": "XXX"} for text in recipients] or "",
    }


AGREE = coded("one", "AGREE", ["Chad", "Ferry Guild"], ["Mali"])
DEMAND = coded("two", "DEMAND", ["Quay Board"], ["Ferry Guild"])
REJECT = coded("three", "REJECT", ["Kenyan"], [])
NOTE = {"id": "note", "event": "DOCUMENT", "eventText": "about this file"}
NEWER = {
    "id": "four",
    "event": ["REQUEST", "CONSULT"],
    "text": "A made-up sentence of four.",
    "actor": [{"entity_text": "Quay  Board"}, {"code": "MLI"}],
    "recipient": [{"entity_text": "Chad"}],
}
FOUND = {
    "one": {"commitments": [promise("Chad", "pledged")], "participants": [participant("a stranger", "the Guild")]},
    "two": {"commitments": [promise("Ferry Guild", "pledged")], "participants": [participant("Quay Board")]},
    "three": {"commitments": [promise("Kenya", "refused")]},
    "four": {"commitments": [promise("Chad", "requested"), promise("Mali", "dropped")]},
}


def write(file: Path, text: str) -> Path:
    file.write_text(text, "utf-8")
    return file


def test_plover_figures(tmp_path: Path) -> None:
    file = write(tmp_path / "gsr.txt", json.dumps([NOTE, AGREE, DEMAND, REJECT, NEWER], indent=4))
    examples, wrong = split(plover.load(file))
    assert not wrong
    assert counts(plover.evaluate(examples, Canned(FOUND))) == {
        # Chad, the guild ("the Guild": token F1 2/3), the board of two, Kenya; not the board of four
        plover.ACTORS: (4, 5),
        # not Mali of one; the guild of two and Chad of four
        plover.RECIPIENTS: (2, 3),
        "AGREE as signed or pledged": (1, 1),
        "DEMAND or REQUEST as requested": (1, 2),
        "REJECT as refused": (1, 1),
        "texts read wholly": (4, 4),
    }


def test_plover_lines_and_lists_are_read_alike(tmp_path: Path) -> None:
    records = [AGREE, NOTE, DEMAND, NEWER]
    lines = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, records)) + "\n\n")
    listed = write(tmp_path / "b.json", "\ufeff" + json.dumps(records))
    assert plover.load(lines) == plover.load(listed)
    assert len(plover.load(lines)) == 3


def test_plover_a_line_separator_in_a_text_ends_no_record(tmp_path: Path) -> None:
    record = REJECT | {"text": "One line.\u2028Another."}
    (example,), wrong = split(plover.load(write(tmp_path / "a.jsonl", json.dumps(record, ensure_ascii=False))))
    assert not wrong
    assert example.article.text == record["text"]


def test_plover_with_the_rules(tmp_path: Path) -> None:
    record = coded("r", "REJECT", ["Chad"], []) | {"text": "Chad ruled out sending its ten trucks to Mali."}
    examples, _ = split(plover.load(write(tmp_path / "a.jsonl", json.dumps(record))))
    figures = counts(plover.evaluate(examples, Rules()))
    assert figures[plover.ACTORS] == (1, 1)
    assert figures["REJECT as refused"] == (1, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"event": "AGREE"}, "text: Field required"),
        (AGREE | {"text": " "}, "the article is empty"),
        (AGREE | {"target": "diplomatic"}, "target: Input should be a valid list"),
        (AGREE | {"source": [{"actorText": 4}]}, "source.0.actorText: Input should be a valid string"),
        (["AGREE"], "Input should be a valid dictionary"),
    ],
)
def test_plover_a_bad_record_is_named_and_hides_no_other(tmp_path: Path, bad: Any, message: str) -> None:
    lines = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, [DEMAND, bad, REJECT])))
    listed = write(tmp_path / "b.json", "[\n" + ",\n".join(map(json.dumps, [DEMAND, bad, REJECT])) + "\n]")
    for file, line in ((lines, 2), (listed, 3)):
        loaded = plover.load(file)
        assert len(split(loaded)[0]) == 2
        (error,) = [one for one in loaded if isinstance(one, InputError)]
        assert str(error).startswith(f"{file}:{line}: {message}")
        assert error.place == f"{file}:{line}"
        assert error.hint


def test_plover_a_line_that_is_no_json_hides_no_other(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", f"{json.dumps(DEMAND)}\n{{'id': 3}}\n{json.dumps(REJECT)}\n")
    examples, (wrong,) = split(plover.load(file))
    assert len(examples) == 2
    assert wrong.startswith(f"{file}:2: invalid JSON")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[\n{"id": "a",}\n]', "a.json:2: invalid JSON"),
        (b'[{"id": "a"} {"id": "b"}]', "a.json:1: invalid JSON"),
        (b'{\n"id": "a"\n}', "nothing could be read; first {file}:1: invalid JSON"),
        (b'{"id": "a"}\n\n{"id": "b"}', "nothing could be read; first {file}:1: text: Field required"),
        (b'{"id": "a"}\n\xff', "a.json:2: broken UTF-8"),
        (b"[" * 100_000, "a.json:1: invalid JSON"),
        (b"[]", "holds nothing of this set"),
        (b"", "holds nothing of this set"),
    ],
)
def test_plover_a_file_that_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        plover.load(file)
    assert message.format(file=file) in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for load in (plover.load, rams.load, tempeval.load):
        with pytest.raises(InputError, match="No such file"):
            load(tmp_path / "none.jsonl")


# --- TempEval-3


def timeml(text: str, head: str = '<?xml version="1.0" ?>') -> str:
    return (
        f"{head}\n<TimeML>\n<DOCID>made-up</DOCID>\n"
        '<DCT><TIMEX3 tid="t0" type="DATE" value="2031-05-02">20310502</TIMEX3></DCT>\n'
        f'<TEXT>\n{text}\n</TEXT>\n<TLINK lid="l1" relType="BEFORE"/>\n</TimeML>\n'
    )


def timex(text: str, value: str, mod: str = "") -> str:
    more = f' mod="{mod}"' if mod else ""
    return f'<TIMEX3 tid="t1" type="DURATION" value="{value}"{more}>{text}</TIMEX3>'


PORT = timeml(
    f"The port <EVENT eid='e1'>closes</EVENT> for {timex('three&#10;weeks', 'P3W')} &amp; opens "
    f"for {timex('up to <b>two</b> years', 'P2Y', 'EQUAL_OR_LESS')}. A toll held {timex('a decade', 'P1DE')} "
    f"or {timex('ten years', 'P9Y')}<!-- not so -->; {timex('', 'P1M')} the crew rested {timex('months', 'PXM')}, "
    f"{timex('a while', 'PXX')}, and on {timex('Friday', '2031-05-09')}. It rows "
    '<TIMEX3 tid="t9" type="SET" value="P1D">daily</TIMEX3>.'
)


def test_tempeval_figures(tmp_path: Path) -> None:
    (example,), wrong = split(tempeval.load(write(tmp_path / "port.tml", PORT)))
    assert not wrong
    assert "closes for three\nweeks & opens for up to two years" in example.article.text
    assert "not so" not in example.article.text
    values = {
        tempeval.VALUES: (3, 4),  # P3W, P2Y and PXM of these and P9Y
        tempeval.MODS: (1, 8),
        tempeval.SKIPPED: (4, 8),  # P1DE, the one without words, PXX, the date
    }
    assert counts(tempeval.evaluate([example])) == values
    found = {"durations": [length("three weeks")], "commitments": [promise("Chad", "signed", duration="two years")]}
    reader = Canned({"port": found})
    # three weeks, "two years" of "up to two years" (token F1 2/3), and of "ten years" (1/2); seven have words
    assert counts(tempeval.evaluate([example], reader)) == values | {
        tempeval.FOUND: (3, 7),
        "texts read wholly": (1, 1),
    }
    assert [article.id for article in reader.read] == ["port"]


def test_tempeval_folders_are_searched_without_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner" / "port.tml", PORT)
    write(tmp_path / "inner" / "._port.tml", "\0\5\26\7 Mac OS X")
    write(tmp_path / "README.txt", "not a document")
    assert [one.article.id for one in tempeval.load(tmp_path)] == ["port"]  # type: ignore[union-attr]


def test_tempeval_text_without_a_text_element(tmp_path: Path) -> None:
    bare = f"<TimeML>It lasts {timex('six days', 'P6D')}.</TimeML>"
    (example,), _ = split(tempeval.load(write(tmp_path / "old.tml", bare)))
    assert example.durations == (tempeval.Timex("six days", "P6D", None),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<TimeML>\n<TEXT>\nopen", "bad.tml:3: invalid XML"),
        ("", "bad.tml:1: invalid XML"),
        ("<html><TEXT>x</TEXT></html>", "bad.tml:1: the root is html, not TimeML"),
        (timeml(" "), "bad.tml:5: the article is empty"),
    ],
)
def test_tempeval_a_bad_file_is_named_and_hides_no_other(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "bad.tml", text)
    with pytest.raises(InputError, match=message):
        tempeval.load(tmp_path)
    write(tmp_path / "port.tml", PORT)
    examples, (wrong,) = split(tempeval.load(tmp_path))
    assert [one.article.id for one in examples] == ["port"]
    assert wrong.startswith(f"{tmp_path}/{message}")


def test_tempeval_a_bad_duration_hides_no_other(tmp_path: Path) -> None:
    text = timeml(f'It lasts\n<TIMEX3 tid="t4" type="DURATION">a day</TIMEX3> or {timex("two days", "P2D")}.')
    file = write(tmp_path / "a.tml", text)
    (example,), (wrong,) = split(tempeval.load(file))
    assert wrong == f"{file}:7: the TIMEX3 t4 has no value"
    assert [one.text for one in example.durations] == ["two days"]


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY secret SYSTEM "secret.txt">',
        '<!ENTITY secret "inner">',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY secret "&b;&b;&b;&b;&b;&b;">',
    ],
)
def test_tempeval_expands_no_entities(tmp_path: Path, declared: str) -> None:
    write(tmp_path / "secret.txt", "the secret")
    text = timeml("It lasts &secret;.", f"<!DOCTYPE TimeML [{declared}]>")
    with pytest.raises(InputError, match="it declares entities of its own"):
        tempeval.load(write(tmp_path / "a.tml", text))


def test_tempeval_fetches_no_grammar(tmp_path: Path) -> None:
    head = '<!DOCTYPE TimeML SYSTEM "http://localhost:1/TimeML.dtd">'
    assert len(tempeval.load(write(tmp_path / "a.tml", timeml("It lasts.", head)))) == 1


def test_tempeval_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds nothing of this set"):
        tempeval.load(tmp_path)


# --- RAMS

TOKENS = [
    ["The", "Ferry", "Guild", "(", "in", "Kenya", ")", "promised", "Mali", "'s", "crews", "help", "."],
    ["“", "We", "do", "n't", "row", ",", "”", "Chad", "said", "."],
]


def document(kind: str, links: list[Any], name: str = "doc") -> dict[str, Any]:
    return {
        "doc_key": name,
        "language_id": "eng",
        "split": "dev",
        "source_url": "",
        "sentences": TOKENS,
        "ent_spans": [],
        "evt_triggers": [[7, 7, [[kind, 1.0]]]],
        "gold_evt_links": [[[7, 7], *link] for link in links],
    }


PROMISE = document(
    "contact.commitmentpromiseexpressintent.n/a",
    [
        [[1, 2], "evt047arg01communicator"],
        [[8, 10], "evt047arg02recipient"],
        [[5, 5], "evt047arg03place"],
        [[1, 2], "evt047arg01communicator"],
    ],
    "promise",
)
DEAL = document("government.agreements.violateagreement", [[[20, 20], "evt098arg01violator"]], "deal")
THREAT = document("contact.threatencoerce.broadcast", [[[8, 8], "evt071arg02recipient"]], "threat")
STRIKE = document("conflict.attack.n/a", [[[1, 2], "evt001arg01attacker"]], "strike")


def test_rams_figures(tmp_path: Path) -> None:
    file = write(tmp_path / "dev.jsonlines", "\n".join(map(json.dumps, [PROMISE, STRIKE, DEAL, THREAT])))
    examples, wrong = split(rams.load(file))
    assert not wrong
    assert [one.article.id for one in examples] == ["promise", "deal", "threat"]
    assert examples[0].article.text == (
        "The Ferry Guild (in Kenya) promised Mali's crews help.\n“We don't row,” Chad said."
    )
    assert examples[0].arguments == (
        rams.Argument("promise", "communicator", "Ferry Guild"),
        rams.Argument("promise", "recipient", "Mali's crews"),
    )
    reader = Canned(
        {
            "promise": {"commitments": [promise("The Ferry Guild", "pledged", "crews")]},  # crews: token F1 1/2
            "deal": {"participants": [participant("Mali")]},  # not Chad
            "threat": {"participants": [participant("Malian")]},
        }
    )
    assert counts(rams.evaluate(examples, reader)) == {
        "arguments found, promise": (2, 2),
        "arguments found, agreement": (0, 1),
        "arguments found, threat": (1, 1),
        rams.ALL: (3, 4),
        "texts read wholly": (3, 3),
    }


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            document("government.agreements.n/a", [[[20, 23], "evt098arg01x"]]),
            "no tokens 20 to 23, the document has 2",
        ),
        (document("government.agreements.n/a", [[[-1, 2], "evt098arg01x"]]), "no tokens -1 to 2"),
        (document("government.agreements.n/a", [[[4], "evt098arg01x"]]), "gold_evt_links.0.1.1: Field required"),
        ({"doc_key": "a"}, "sentences: Field required"),
        (DEAL | {"sentences": "a b"}, "sentences: Input should be a valid list"),
        (DEAL | {"evt_triggers": [[7, 7, "x"]]}, "evt_triggers.0.2: Input should be a valid list"),
        (PROMISE | {"sentences": [], "gold_evt_links": []}, "the article is empty"),
    ],
)
def test_rams_a_bad_line_is_named_and_hides_no_other(tmp_path: Path, bad: Any, message: str) -> None:
    file = write(tmp_path / "dev.jsonlines", "\n".join(map(json.dumps, [THREAT, bad])))
    examples, (wrong,) = split(rams.load(file))
    assert [one.article.id for one in examples] == ["threat"]
    assert wrong.startswith(f"{file}:2: ")
    assert message in wrong


def test_rams_without_an_event_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds nothing of this set"):
        rams.load(write(tmp_path / "dev.jsonlines", json.dumps(STRIKE)))


# --- the command


def test_the_command_prints_figures_without_a_model(tmp_path: Path) -> None:
    write(tmp_path / "port.tml", PORT)
    result = CliRunner().invoke(app, ["tempeval", str(tmp_path)])
    assert result.exit_code == 0
    (row,) = [line.split() for line in result.stdout.splitlines() if tempeval.VALUES in line]
    assert [word for word in row if word != "│"] == ["values", "equal", "0.75", "3", "4"]


def test_the_command_lists_bad_files_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "port.tml", PORT)
    write(tmp_path / "bad.tml", "<TimeML>")
    result = CliRunner().invoke(app, ["tempeval", str(tmp_path), "--limit", "1"])
    assert result.exit_code == 1
    assert f"left out: {tmp_path}/bad.tml:1: invalid XML" in result.stderr
    assert tempeval.VALUES in result.stdout


def test_the_command_says_why_it_cannot_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["plover", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"error: {tmp_path}/none.json: No such file or directory",
        "    Check the path and its permissions",
    ]
    assert not result.stdout


def test_what_is_made_up_of_nothing(tmp_path: Path) -> None:
    rows = [
        {"id": n, "topic": t, "text": f"Paragraph {n}."} for n, t in (("a", "sport"), ("b", "sport"), ("c", "food"))
    ]
    rows.append({"id": "d", "topic": "food", "document": "not/there", "sha256": "0", "start": 0, "end": 9})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    figures = nothing.evaluate(
        [one for one in nothing.load(tmp_path) if isinstance(one, nothing.Example)],
        Canned({"b": {"commitments": [promise("Kenya", "pledged")]}}),
    )
    assert figures == [
        Figure(nothing.MADE_UP, 1, 3),
        Figure("  sport", 1, 2),
        Figure("  food", 0, 1),
        Figure(nothing.SKIPPED, 1, 4),
        Figure("texts read wholly", 3, 3),
    ]


def test_the_paragraphs_without_commitments_are_there() -> None:
    rows = nothing.load(REPOSITORY / "evals" / "nothing")
    assert len(rows) == 300
    assert not [row for row in rows if isinstance(row, InputError)]
    if default_corpus() is None:
        pytest.skip("the corpus is not at hand (EXTRACTOR_CORPUS), so 100 paragraphs were not read")
    assert all(isinstance(row, nothing.Example) and row.article for row in rows)
