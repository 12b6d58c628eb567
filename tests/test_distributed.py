"""Replicas on Ray: the same records as a local run, nothing lost and nothing twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from extractor import Article, Extraction, Extractor, InputError, OutputError
from extractor.cli import app
from extractor.engine import FakeEngine, Stats
from extractor.pipeline import KINDS

from .test_store import ELSEWHERE, HERE, extraction

pytest.importorskip("ray", reason="needs accord-extractor[ray]")

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from extractor import distributed
from extractor.distributed import Cluster, Partitions, articles, load, sources

TEXTS = [
    "Kenya said on Monday it would send 40 medics to Chad for six months.",
    "Norway pledged $440 million to the fund over four years if the board agrees.",
    "Japan refused to join the talks. France offered to host them in Paris.",
    "It rained.",
]


@pytest.fixture(scope="module")
def machine() -> Iterator[None]:
    """Ray on two cores, as small as can be."""
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    yield
    ray.shutdown()


def extractor(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def on_ray(*arguments: str | Path) -> Result:
    return extractor("run", *arguments, "--engine", "ray", "--threads", "1", "--parallel", "1", "-q")


def found(folder: Path) -> list[Extraction]:
    return [one for path in sorted(folder.iterdir()) for one in load(path)]


def in_order(extractions: list[Extraction]) -> list[Extraction]:
    return sorted(extractions, key=lambda one: one.article.id)


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), "utf-8")


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, Path]:
    """The same articles twice: in a folder with JSONL, and in one with Parquet instead."""
    local, spread = tmp_path / "local", tmp_path / "spread"
    rows = [{"text": text} for text in TEXTS[1:]]
    for folder, write in ((local, as_jsonl), (spread, as_parquet)):
        folder.mkdir()
        (folder / "medics.txt").write_text(TEXTS[0], "utf-8")
        write(folder / f"rows.{'jsonl' if write is as_jsonl else 'parquet'}", rows)
    return local, spread


def test_parquet_is_read_as_jsonl_is(tmp_path: Path) -> None:
    rows = [{"body": TEXTS[0], "id": "a", "date": date(2026, 3, 20)}, {"body": TEXTS[1], "id": None, "date": None}]
    as_parquet(tmp_path / "rows.parquet", rows)
    as_jsonl(tmp_path / "rows.jsonl", rows)
    assert list(articles(str(tmp_path / "rows.parquet"))) == list(articles(str(tmp_path / "rows.jsonl")))
    first, second = articles(str(tmp_path / "rows.parquet"))
    assert isinstance(first, Article)
    assert isinstance(second, Article)
    assert (first.published, second.id) == ("2026-03-20", "rows:2")


def test_rows_and_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    as_parquet(tmp_path / "rows.parquet", [{"text": None}, {"text": "word " * 2**21}, {"text": "Chad will vote."}])
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    found = [one for source in sources([str(tmp_path)]) for one in articles(source)]
    assert [type(one) for one in found] == [InputError, InputError, Article, InputError]
    assert [Path(one.place).name for one in found if isinstance(one, InputError)] == [
        "rows.parquet, row 1",
        "rows.parquet, row 2",
        "torn.parquet",
    ]


def test_a_folder_stands_for_its_texts_and_its_parquet(mixed: tuple[Path, Path], tmp_path: Path) -> None:
    _, spread = mixed
    assert [Path(name).name for name in sources([str(spread)])] == ["medics.txt", "rows.parquet"]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError):
        sources([str(tmp_path / "nothing")])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_partitions_are_written_whole_and_resumed(tmp_path: Path, form: distributed.Format) -> None:
    folder = tmp_path / "new" / "out"
    with Partitions(folder, HERE, form, size=2) as store:
        for one in (extraction("a"), extraction("b", complete=False), extraction("a"), extraction("c")):
            store.write(one)
        assert [path.name for path in folder.iterdir()] == [f"part-00001.{form}"]
    (folder / f".part-00003.{form}.partial").write_bytes(b"torn by a crash")
    with Partitions(folder, HERE, form, size=2) as store:
        assert [store.done(name, name * 2) for name in "abc"] == [True, False, True]
        assert not store.done("a", "changed")
        store.write(extraction("b"))
    assert [list(load(path)) for path in sorted(folder.glob("part-*"))] == [
        [extraction("a")],
        [extraction("c")],
        [extraction("b")],
    ]


def test_partitions_of_another_provenance_stay(tmp_path: Path) -> None:
    with Partitions(tmp_path, ELSEWHERE) as store:
        store.write(extraction("a", complete=False, provenance=ELSEWHERE))
    with Partitions(tmp_path, HERE, "parquet") as store:
        assert not store.done("a", "aa")
        store.write(extraction("a"))
    assert [one.provenance for one in found(tmp_path)] == [ELSEWHERE, HERE]


@pytest.mark.parametrize("name", ["part-00001.jsonl", "part-00001.parquet", "part-one.jsonl"])
def test_a_folder_of_something_else_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("text\n")
    with pytest.raises(OutputError) as caught:
        Partitions(tmp_path, HERE)
    assert caught.value.hint
    assert (tmp_path / name).read_text() == "text\n"


def test_a_file_is_no_output_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("text")
    with pytest.raises(OutputError, match="out"):
        Partitions(tmp_path / "out", HERE)


@pytest.mark.usefixtures("machine")
def test_records_are_those_of_a_local_run_and_the_folder_is_resumed(mixed: tuple[Path, Path], tmp_path: Path) -> None:
    local, spread = mixed
    assert (
        extractor("run", local, "-o", tmp_path / "out.jsonl", "--threads", "1", "--parallel", "1", "-q").exit_code == 0
    )
    out = tmp_path / "out"
    result = on_ray(spread, "-o", out, "--format", "parquet", "--replicas", "2", "--stats")
    assert result.exit_code == 0, result.output
    assert in_order(found(out)) == in_order(list(load(tmp_path / "out.jsonl")))
    assert "output tokens" in result.stderr
    before = sorted((path.name, path.read_bytes()) for path in out.iterdir())
    (spread / "late.txt").write_text(TEXTS[0], "utf-8")
    (spread / "bad.txt").write_text("")
    again = on_ray(spread, "-o", out, "--replicas", "1")
    assert again.exit_code == 1
    assert "4 of 6 articles were done already" in again.stderr
    assert [one for one in before if one not in [(p.name, p.read_bytes()) for p in out.iterdir()]] == []
    (late,) = [path for path in out.iterdir() if path.suffix == ".jsonl"]
    assert {(Path(one.article.id).name, one.complete) for one in load(late)} == {("late", True), ("bad.txt", False)}


def at_work() -> list[psutil.Process]:
    """The processes of replicas that are reading a batch: Ray names a process by what it does."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "_Replica.extract" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:  # it ended in between
            continue
    return found


@pytest.mark.usefixtures("machine")
def test_a_killed_replica_loses_nothing(tmp_path: Path) -> None:
    given = [Article(f"{text} " * 2, f"{number}") for number, text in enumerate(TEXTS * 2)]
    with (
        closing(Cluster(replicas=1, threads=1, parallel=1, batch=2)) as cluster,
        Partitions(tmp_path, cluster.provenance, size=3) as store,
    ):
        extractions = cluster.extract_many(given)
        store.write(next(extractions))
        until = time.monotonic() + 60
        while not (victims := at_work()) and time.monotonic() < until:
            time.sleep(0.01)
        victims[0].kill()
        for one in extractions:
            store.write(one)
    assert sorted(one.article.id for one in found(tmp_path)) == sorted(article.id for article in given)
    assert all(one.complete for one in found(tmp_path))


def deadly() -> type:
    """A replica without a model whose process ends where an article says so."""

    class Deadly:
        def __init__(self, *_: Any) -> None:
            self._extractor = Extractor(engine=FakeEngine(lambda *_: json.dumps(dict.fromkeys(KINDS, ()))))

        def extract(self, batch: distributed.Batch) -> Any:
            if any("end" in one.text for one in batch if isinstance(one, Article)):
                os._exit(1)
            return list(self._extractor.extract_many(batch)), Stats(), self._extractor.provenance

    return Deadly


@pytest.mark.usefixtures("machine")
def test_an_article_that_kills_its_process_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_Replica", deadly())
    monkeypatch.setattr(distributed, "RETRIES", 1)
    given = [Article(text, name) for name, text in {"a": "It rained.", "b": "the end", "c": "It rained."}.items()]
    with closing(Cluster(replicas=1, threads=1)) as cluster:
        extractions = {one.article.id: one for one in cluster.extract_many(given)}
    assert {name: one.complete for name, one in extractions.items()} == {"a": True, "b": False, "c": True}
    assert "died" in extractions["b"].failures[0].message


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--model", "nowhere.gguf", "-o", "{folder}/out"], "nowhere.gguf"),
        (["--replicas", "3", "-o", "{folder}/out"], "3 replicas of 1 threads do not fit"),
        ([], "-o FOLDER"),
    ],
)
def test_a_command_that_cannot_run_says_why_and_what_to_do(tmp_path: Path, arguments: list[str], what: str) -> None:
    (tmp_path / "medics.txt").write_text(TEXTS[0])
    result = on_ray(tmp_path / "medics.txt", *(argument.format(folder=tmp_path) for argument in arguments))
    assert result.exit_code == 2
    assert what in result.stderr.replace("\n", "")
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
