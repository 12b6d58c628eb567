"""The command, as a careful user meets it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from extractor import Extraction
from extractor.cli import app

from .conftest import REPOSITORY

SENTENCE = "Kenya said on Monday it would send 40 medics to Chad for six months.\n"
COMMAND = [sys.executable, "-m", "extractor"]


def extractor(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "medics.txt"
    path.write_text(SENTENCE, "utf-8")
    return path


def test_piped_output_is_jsonl(article: Path) -> None:
    result = extractor("run", article)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    extraction = Extraction.model_validate_json(line)
    assert (extraction.article.id, extraction.complete) == ("medics", True)
    assert all(SENTENCE[p.name.start : p.name.end] == p.name.text for p in extraction.participants)


def test_output_to_a_file_shows_tables_and_show_prints_them_again(article: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    first = extractor("run", article, "-o", out)
    again = extractor("show", out)
    assert first.exit_code == again.exit_code == 0
    assert "medics" in first.stdout
    assert first.stdout == again.stdout
    assert len(lines(out)) == 1


def test_quiet_prints_nothing(article: Path, tmp_path: Path) -> None:
    result = extractor("run", article, "-q", "-o", tmp_path / "found.jsonl")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)


def test_standard_input() -> None:
    result = extractor("run", "-", stdin=SENTENCE)
    assert result.exit_code == 0
    assert Extraction.model_validate_json(result.stdout).complete


def test_finished_articles_are_skipped(article: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    extractor("run", article, "-o", out)
    before = out.read_bytes()
    result = extractor("run", article, "-o", out)
    assert "1 of 1 articles were done already" in result.stderr
    assert out.read_bytes() == before
    out.write_bytes(before + before[:50])  # torn by a crash
    extractor("run", article, "-o", out)
    assert out.read_bytes() == before


def test_bad_articles_are_named_and_the_others_are_done(article: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (tmp_path / "huge.txt").write_bytes(b"word " * (4 * 2**20))
    (tmp_path / "list.jsonl").write_text('{"text": "Chad will vote.", "id": "good"}\n{"text": 3}\nnot json\n')
    out = tmp_path / "out" / "found.jsonl"
    result = extractor("run", tmp_path, "-o", out)
    assert result.exit_code == 1
    for name in ("empty.txt", "picture.txt", "huge.txt", "list.jsonl, line 2", "list.jsonl, line 3"):
        assert name in result.stderr.replace("\n", ""), name
    found = lines(out)
    assert len(found) == 7
    assert {line["article"]["id"] for line in found if line["complete"]} == {"medics", "good"}
    assert all(line["failures"][0]["stage"] == "read" for line in found if not line["complete"])


def test_an_article_with_nothing_to_extract_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "weather.txt"
    path.write_text("It rained.")
    out = tmp_path / "found.jsonl"
    result = extractor("run", path, "-o", out)
    assert result.exit_code == 0
    assert lines(out)[0]["complete"]


def test_a_timeout_is_reported_and_tried_again(article: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    article.write_text(SENTENCE * 200)
    assert extractor("run", article, "-o", out, "--timeout", "0.1").exit_code == 1
    (line,) = lines(out)
    assert line["failures"][-1]["stage"] == "timeout"
    article.write_text(SENTENCE)
    assert extractor("run", article, "-o", out).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nowhere.txt"], "nowhere.txt"),
        (["{article}", "--model", "nowhere.gguf"], "nowhere.gguf"),
        (["{article}", "--model", "{article}"], "GGUF"),
        (["{article}", "--model", "qwen9"], "qwen9"),
        (["{article}", "--model", "openai:http://127.0.0.1:9/v1#any"], "no server answers"),
        (["{article}", "--prompt", "nowhere.j2"], "nowhere.j2"),
        (["{article}", "--schema", "nowhere.py:Class"], "nowhere.py"),
        (["{article}", "--schema", "nothing"], "FILE.py:Class"),
        (["{article}", "-o", "{folder}"], "cannot be"),
        (["{article}", "--context", "999999999"], "memory"),
        (["{folder}/empty"], "empty"),
        (["{article}", "--replicas", "2"], "--engine ray"),
    ],
)
def test_a_command_that_cannot_run_says_why_and_what_to_do(article: Path, arguments: list[str], what: str) -> None:
    (article.parent / "empty").mkdir()
    result = extractor("run", *(a.format(article=article, folder=article.parent) for a in arguments))
    assert result.exit_code == 2
    message = result.stderr.replace("\n", "")
    assert message.startswith("error: ")
    assert what in message
    assert len(result.stderr.splitlines()) >= 2  # the second line is the hint
    assert "Traceback" not in result.stderr


def test_ray_is_an_extra(article: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "extractor.distributed", raising=False)
    monkeypatch.delattr("extractor.distributed", raising=False)
    result = extractor("run", article, "--engine", "ray", "-o", article.parent / "out")
    assert result.exit_code == 2
    assert "error: --engine ray needs the package" in result.stderr
    assert "pip install 'accord-extractor[ray]'" in result.stderr


OWN = '''
from typing import Literal
from pydantic import BaseModel, Field
from extractor.schemas import Quote

class Delivery(BaseModel):
    """Something that is sent to someone."""
    goods: Quote = Field(description="what")
    to: Quote | None
    certain: bool

class Bad(BaseModel):
    amount: float
'''


def test_records_of_ones_own(article: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(OWN)
    out = tmp_path / "found.jsonl"
    result = extractor("run", article, "--schema", f"{own}:Delivery", "-o", out)
    assert result.exit_code == 0, result.output
    assert "bundled model" in result.stderr
    for record in lines(out)[0]["records"]["Delivery"]:
        goods = record["goods"]
        assert SENTENCE[goods["start"] : goods["end"]] == goods["text"]
    assert extractor("show", out).exit_code == 0


def test_a_schema_that_no_grammar_can_express_is_refused(article: Path, tmp_path: Path) -> None:
    own = tmp_path / "own_bad.py"
    own.write_text(OWN)
    result = extractor("run", article, "--schema", f"{own}:Bad")
    assert result.exit_code == 2
    assert "Bad.amount" in result.stderr


def test_schema_prints_json_schema() -> None:
    schema = json.loads(extractor("schema").stdout)
    assert schema["properties"]["commitments"]
    commitment = schema["$defs"]["Commitment"]["properties"]
    assert all("description" in field for field in commitment.values())
    assert set(schema["$defs"]["Quote"]["properties"]) == {"text", "start", "end"}


def test_models_lists_the_bundled_one_first() -> None:
    result = extractor("models")
    assert result.exit_code == 0
    names = re.findall(r"│ ([\w.-]+)", result.stdout)
    assert names[0] == "bundled"
    assert "qwen2.5-0.5b" in result.stdout.replace("\n", "")


def test_stats_are_printed(article: Path, tmp_path: Path) -> None:
    result = extractor("run", article, "-o", tmp_path / "found.jsonl", "--stats")
    assert re.search(r"decode steps, 0\.\d\d for each output token", result.stderr.replace("\n", " "))


def test_article_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.txt"
    path.write_text("Kenya \x1b[31m[bold]said[/bold]\x07 it would send medics to \u202eChad.", "utf-8")
    result = extractor("run", path, "-o", tmp_path / "found.jsonl")
    assert result.exit_code == 0
    assert not set("\x1b\x07\u202e") & set(result.stdout)


def test_a_terminal_gets_tables_and_a_pipe_gets_jsonl(article: Path) -> None:
    piped = subprocess.run([*COMMAND, "run", article], capture_output=True, text=True, check=True)
    assert json.loads(piped.stdout)["article"]["id"] == "medics"
    main, worker = pty.openpty()
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm-256color"}
    with subprocess.Popen([*COMMAND, "run", article], stdout=worker, stderr=worker, env=environment) as process:
        os.close(worker)
        shown = b""
        while select.select([main], [], [], 60)[0]:
            try:
                part = os.read(main, 4096)
            except OSError:  # Linux says that the other end is closed by an error
                break
            if not part:
                break
            shown += part
    os.close(main)
    assert process.returncode == 0
    assert b"medics" in shown
    assert b'"article"' not in shown


def test_interrupted_runs_keep_what_is_finished_and_go_on(tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    seeds = REPOSITORY / "seeds"
    command = [*COMMAND, "run", str(seeds), "-q", "-o", str(out)]
    # What a shell runs in the background ignores SIGINT, and hands that on.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        until = time.monotonic() + 120
        while not (out.exists() and out.read_bytes().count(b"\n") >= 2) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    kept = lines(out)
    assert 2 <= len(kept) < 10
    subprocess.run(command, check=True)
    ids = [line["article"]["id"] for line in lines(out)]
    assert sorted(ids) == sorted(path.stem for path in seeds.iterdir())
    assert lines(out)[: len(kept)] == kept


def test_a_killed_run_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    command = [*COMMAND, "run", str(REPOSITORY / "seeds"), "-q", "-o", str(out)]
    with subprocess.Popen(command) as process:
        until = time.monotonic() + 120
        while not (out.exists() and out.read_bytes().count(b"\n") >= 1) and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
    subprocess.run(command, check=True)
    assert len({line["article"]["id"] for line in lines(out)}) == len(lines(out)) == 10
