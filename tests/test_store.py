"""JSONL output: whole lines, resumed by content, nothing lost and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor import Extraction, Failure, OutputError
from extractor.schemas import Provenance, Source
from extractor.store import Store, load

HERE = Provenance(
    model="m", model_sha256=None, prompt_sha256="p", schema_sha256="s", versions={"pydantic": "2"}, seed=0, window=90
)
ELSEWHERE = HERE.model_copy(update={"prompt_sha256": "other"})


def extraction(name: str, *, complete: bool = True, provenance: Provenance = HERE) -> Extraction:
    failures = [] if complete else [Failure(stage="timeout", message="the time was up")]
    source = Source(id=name, sha256=name * 2)
    return Extraction(article=source, failures=failures, complete=complete, provenance=provenance)


def written(path: Path, *extractions: Extraction, provenance: Provenance = HERE) -> None:
    with Store(path, provenance) as store:
        for one in extractions:
            if not store.done(one.article.id, one.article.sha256):
                store.write(one)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.jsonl"
    written(path, extraction("a"), extraction("b", complete=False))
    assert list(load(path)) == [extraction("a"), extraction("b", complete=False)]


def test_finished_articles_are_done(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    written(path, extraction("a"))
    with Store(path, HERE) as store:
        assert store.done("a", "aa")
        assert not store.done("a", "changed")
        assert not store.done("b", "aa")


def test_another_provenance_is_kept_and_not_done(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    written(path, extraction("a", provenance=ELSEWHERE), provenance=ELSEWHERE)
    written(path, extraction("a"))
    assert [one.provenance for one in load(path)] == [ELSEWHERE, HERE]


def test_incomplete_articles_are_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    written(path, extraction("a"), extraction("b", complete=False), extraction("c"))
    written(path, extraction("b"))
    assert [(one.article.id, one.complete) for one in load(path)] == [("a", True), ("c", True), ("b", True)]


@pytest.mark.parametrize("kept", [1, 30, 200])
def test_a_torn_last_line_is_repaired(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "out.jsonl"
    written(path, extraction("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    written(path, extraction("a"), extraction("b"))
    assert list(load(path)) == [extraction("a"), extraction("b")]


@pytest.mark.parametrize("content", ['{"name": "something else"}\n', "text\n", "{}\n"])
def test_a_file_of_something_else_is_not_touched(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(content)
    with pytest.raises(OutputError, match=r"notes\.jsonl:1 is not an extraction") as caught:
        Store(path, HERE)
    assert caught.value.hint
    assert path.read_text() == content


def test_a_folder_is_no_output_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be"):
        Store(tmp_path, HERE)


def test_a_missing_file_cannot_be_shown(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        list(load(tmp_path / "none.jsonl"))
