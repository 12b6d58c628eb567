"""Models: specs, files that are not what they should be, memory, and downloads from a local server that plays the hub.

A download runs in a process of its own, started with the environment that a user would set, because
huggingface_hub reads HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE when it is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor import models
from extractor.errors import ModelError
from extractor.models import KNOWN, ServerModel, read_metadata, resolve, sequences

TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"


def write_gguf(path: Path, *, elements: int = 64) -> bytes:
    """Write a small GGUF with every kind of metadata and two tensors; return its bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(512)
    writer.add_block_count(2)
    writer.add_chat_template(TEMPLATE)
    writer.add_bool("accord.constrained", True)
    writer.add_float32("accord.score", 0.5)
    writer.add_int64("accord.seed", -7)
    writer.add_token_list(["<s>", "ceasefire", "é"])
    writer.add_token_types([3, 1, 1])
    writer.add_tensor("first", np.zeros((4, 32), dtype=np.float16))
    writer.add_tensor("second", np.ones(elements, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    return path


# Specs


def test_bundled_model_comes_first_and_names_are_unique() -> None:
    assert KNOWN[0].name == "bundled"
    assert len({model.name for model in KNOWN}) == len(KNOWN)


def test_bundled_model_resolves_to_the_file_in_the_package(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BUNDLED", tiny)
    model = resolve("bundled")
    assert model == models.ModelFile(tiny, "bundled", hashlib.sha256(tiny.read_bytes()).hexdigest())


def test_missing_bundled_model_is_a_model_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BUNDLED", tmp_path / "bundled.gguf")
    with pytest.raises(ModelError, match="not in this installation") as caught:
        resolve("bundled")
    assert "--model" in caught.value.hint


def test_path_resolves_with_hash_and_metadata(tiny: Path) -> None:
    model = resolve(str(tiny))
    assert isinstance(model, models.ModelFile)
    assert (model.path, model.name) == (tiny, "tiny")
    assert model.sha256 == hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert model.metadata["general.architecture"] == "llama"


@pytest.mark.parametrize(
    ("spec", "url", "name"),
    [
        ("openai:http://localhost:8080/v1#qwen2.5-1.5b", "http://localhost:8080/v1", "qwen2.5-1.5b"),
        ("openai:https://host.example/v1/#org/model", "https://host.example/v1", "org/model"),
    ],
)
def test_server_spec(spec: str, url: str, name: str) -> None:
    assert resolve(spec) == ServerModel(url, name)


@pytest.mark.parametrize(
    "spec", ["openai:http://localhost:8080/v1", "openai:localhost:8080#m", "openai:#m", "openai:http://[::1#m"]
)
def test_server_spec_without_url_or_name_shows_the_form(spec: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(spec)
    assert "openai:URL#name" in caught.value.hint


@pytest.mark.parametrize("spec", ["hf:file.gguf", "hf:owner/repo", "hf:owner/repo/a.bin", "hf:owner/repo/a.gguf@12ab"])
def test_malformed_hub_spec_shows_the_form(spec: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(spec)
    assert "hf:owner/repo/file.gguf" in caught.value.hint


def test_unknown_name_lists_the_known_and_guesses() -> None:
    with pytest.raises(ModelError, match=r"no model is called 'qwen-2\.5-1\.5b'") as caught:
        resolve("qwen-2.5-1.5b")
    assert "Did you mean qwen2.5-1.5b?" in caught.value.hint
    assert all(model.name in caught.value.hint for model in KNOWN)


# Files


def test_metadata_is_what_was_written_without_arrays(tiny: Path) -> None:
    metadata = read_metadata(tiny)
    assert metadata.pop("general.architecture") == "llama"
    assert metadata == {
        "general.name": "tiny",
        "llama.context_length": 512,
        "llama.block_count": 2,
        "tokenizer.chat_template": TEMPLATE,
        "accord.constrained": True,
        "accord.score": 0.5,
        "accord.seed": -7,
    }


def test_file_cut_anywhere_is_reported_as_truncated(tiny: Path) -> None:
    whole = tiny.read_bytes()
    # The writer pads the last tensor, and llama.cpp does not miss the padding.
    for length in (*range(4, 900, 5), len(whole) - 200):
        tiny.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="truncated"):
            read_metadata(tiny)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(4, 700), value=st.binary(min_size=1, max_size=8))
def test_damaged_header_is_read_or_is_a_model_error(tiny: Path, at: int, value: bytes) -> None:
    damaged = tiny.with_name("damaged.gguf")
    whole = tiny.read_bytes()
    damaged.write_bytes(whole[:at] + value + whole[at + len(value) :])
    with suppress(ModelError):
        assert isinstance(read_metadata(damaged), dict)


@pytest.mark.parametrize("content", [b"", b"GG", b"version https://git-lfs.github.com/spec/v1\n", b"PK\x03\x04" * 99])
def test_other_files_are_not_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a GGUF file"):
        resolve(str(path))


def test_version_of_gguf_that_cannot_be_read(tiny: Path) -> None:
    tiny.write_bytes(b"GGUF\x01\0\0\0" + tiny.read_bytes()[8:])
    with pytest.raises(ModelError, match="its version is 1"):
        read_metadata(tiny)


def test_missing_file_folder_and_unreadable_path(tmp_path: Path, tiny: Path) -> None:
    for path, message in (
        (tmp_path / "none.gguf", "no model file at"),
        (tmp_path, "is a folder"),
        (tiny / "inside.gguf", "cannot be read: Not a directory"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            resolve(str(path))
        assert caught.value.hint


# Memory

QWEN_1_5B: dict[str, models.Scalar] = {
    "general.architecture": "qwen2",
    "qwen2.block_count": 28,
    "qwen2.embedding_length": 1536,
    "qwen2.attention.head_count": 12,
    "qwen2.attention.head_count_kv": 2,
}


def test_memory_suffices_for_a_small_context(tiny: Path) -> None:
    assert sequences(tiny, 512, QWEN_1_5B, 1) == 1
    assert sequences(tiny, 512, QWEN_1_5B) in (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("extra", "cache"),
    [
        ({}, "28672.00 GB"),  # 28 layers x 2 heads x 128 x (key and value) x 2 bytes
        ({"qwen2.attention.key_length": 64, "qwen2.attention.value_length": 64}, "14336.00 GB"),
    ],
)
def test_too_little_memory_says_how_much(tiny: Path, extra: dict[str, models.Scalar], cache: str) -> None:
    with pytest.raises(ModelError, match=f"1,000,000,000 tokens {cache}, but .* GB are free") as caught:
        sequences(tiny, 1_000_000_000, QWEN_1_5B | extra)
    assert caught.value.retryable
    assert "smaller model" in caught.value.hint


# Downloads

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server has and does: files by "owner/repo/path", and faults to play."""

    files: dict[str, bytes] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)  # what goes over the wire instead, when damaged
    gated: str = ""  # a repo that needs the token "secret"
    cut_first_get_at: int = 0  # bytes of the first body after which the connection is cut
    status: int = 200  # answer to everything when not 200
    claimed_size: int = 0  # size to announce instead of the true one
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range
    endpoint: str = ""

    def gets(self) -> list[str]:
        return [span for method, path, span in self.requests if method == "GET" and "/resolve/" in path]


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of /owner/repo/resolve/main/path, as the hub answers them for a file without Xet."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        self.hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        repo, _, filename = self.path.removeprefix("/").partition("/resolve/main/")
        content = self.hub.files.get(f"{repo}/{filename}")
        if self.hub.status != 200:
            self.refuse(self.hub.status, "")
        elif repo == self.hub.gated and self.headers.get("Authorization") != "Bearer secret":
            self.refuse(401, "GatedRepo")
        elif not any(name.startswith(f"{repo}/") for name in self.hub.files):
            self.refuse(404, "RepoNotFound")
        elif content is None:
            self.refuse(404, "EntryNotFound")
        else:
            self.serve(content, self.hub.sent.get(f"{repo}/{filename}", content), body=body)

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def serve(self, content: bytes, sent: bytes, *, body: bool) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Size", str(self.hub.claimed_size or len(content)))
        self.send_header("Content-Length", str(len(sent) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(sent) - 1}/{len(sent)}")
        self.end_headers()
        if body:
            cut, self.hub.cut_first_get_at = self.hub.cut_first_get_at, 0
            self.wfile.write(sent[start : cut or None])
            self.close_connection = bool(cut)


@pytest.fixture
def hub() -> Iterator[Hub]:
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": state}))
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


PULL = """
import json, sys
from extractor.errors import ModelError
from extractor.models import resolve
for spec in sys.argv[1:]:
    seen = []
    try:
        model = resolve(spec, progress=lambda *step: seen.append(step))
        answer = {"path": str(model.path), "name": model.name, "sha256": model.sha256, "progress": seen}
    except ModelError as error:
        answer = {"error": str(error), "hint": error.hint, "retryable": error.retryable}
    print(json.dumps(answer))
"""


def pull(home: Path, endpoint: str, *specs: str, **environment: str) -> list[dict[str, Any]]:
    """Resolve ``specs`` one after the other in a new process; return what each came to."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    ours |= {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "NO_PROXY": "127.0.0.1", **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PULL, *specs],
        cwd=Path(__file__).parents[1],
        env=ours,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "hf"


def test_download_then_cache_without_the_network(hub: Hub, home: Path, tiny: Path) -> None:
    content = tiny.read_bytes()
    hub.files["acme/models/q4/tiny.gguf"] = content
    digest = hashlib.sha256(content).hexdigest()
    (first,) = pull(home, hub.endpoint, "hf:acme/models/q4/tiny.gguf")
    assert Path(first["path"]).read_bytes() == content
    assert Path(first["path"]).is_relative_to(home)
    assert (first["name"], first["sha256"]) == ("tiny", digest)
    assert first["progress"][-1] == [len(content), len(content)]

    asked = len(hub.requests)
    (again,) = pull(home, hub.endpoint, f"hf:acme/models/q4/tiny.gguf@{digest.upper()}", HF_HUB_OFFLINE="1")
    assert again == first | {"progress": []}
    assert len(hub.requests) == asked


def test_cut_download_is_taken_up_where_it_broke_off(hub: Hub, home: Path, tmp_path: Path) -> None:
    chunk = 10 * 2**20  # huggingface_hub writes in steps of this size
    content = write_gguf(tmp_path / "big.gguf", elements=3 * 2**20)
    hub.files["acme/models/big.gguf"] = content
    hub.cut_first_get_at = chunk + 2**20
    (answer,) = pull(home, hub.endpoint, "hf:acme/models/big.gguf")
    assert hub.gets() == ["", f"bytes={chunk}-"]
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer["progress"][0] == [chunk, len(content)]
    assert answer["progress"][-1] == [len(content), len(content)]


def test_wrong_hash_names_both_and_the_file_is_not_used_again(hub: Hub, home: Path, tiny: Path) -> None:
    hub.files["acme/models/tiny.gguf"] = tiny.read_bytes()
    digest, wrong = hashlib.sha256(tiny.read_bytes()).hexdigest(), "ab" * 32
    refused, accepted = pull(home, hub.endpoint, f"hf:acme/models/tiny.gguf@{wrong}", "hf:acme/models/tiny.gguf")
    assert digest in refused["error"]
    assert wrong in refused["error"]
    assert "removed from the cache" in refused["hint"]
    assert accepted["sha256"] == digest
    assert len(hub.gets()) == 2


def test_bytes_damaged_on_the_way_are_found_without_a_given_hash(hub: Hub, home: Path, tiny: Path) -> None:
    content = tiny.read_bytes()
    hub.files["acme/models/tiny.gguf"] = content
    hub.sent["acme/models/tiny.gguf"] = content[:-1] + b"\xff"
    (damaged,) = pull(home, hub.endpoint, "hf:acme/models/tiny.gguf")
    assert hashlib.sha256(content).hexdigest() in damaged["error"]
    assert damaged["retryable"]
    hub.sent.clear()
    (whole,) = pull(home, hub.endpoint, "hf:acme/models/tiny.gguf")
    assert Path(whole["path"]).read_bytes() == content


def test_file_that_is_not_gguf_after_download(hub: Hub, home: Path) -> None:
    hub.files["acme/models/page.gguf"] = b"<html></html>"
    (answer,) = pull(home, hub.endpoint, "hf:acme/models/page.gguf")
    assert "is not a GGUF file" in answer["error"]


def test_what_the_hub_refuses(hub: Hub, home: Path, tiny: Path) -> None:
    hub.files |= {"acme/models/tiny.gguf": tiny.read_bytes(), "acme/gated/tiny.gguf": tiny.read_bytes()}
    hub.gated = "acme/gated"
    specs = {
        "hf:acme/nowhere/tiny.gguf": "no such repository",
        "hf:acme/models/other.gguf": "no such file in this repository",
        "hf:acme/gated/tiny.gguf": "is gated",
        "hf:acme/models/tiny-00001-of-00002.gguf": "is one part of a model",
        "hf:acme/mo--dels/tiny.gguf": "does not name a file on the hub",
    }
    for (spec, message), answer in zip(specs.items(), pull(home, hub.endpoint, *specs), strict=True):
        assert spec in answer["error"]
        assert message in answer["error"]
        assert answer["hint"]
        assert not answer["retryable"]
    assert not hub.gets()
    (allowed,) = pull(home, hub.endpoint, "hf:acme/gated/tiny.gguf", HF_TOKEN="secret")
    assert Path(allowed["path"]).read_bytes() == tiny.read_bytes()


@pytest.mark.parametrize(("status", "retryable"), [(403, False), (503, True)])
def test_other_answers_of_the_hub(hub: Hub, home: Path, status: int, retryable: bool) -> None:
    hub.status = status
    (answer,) = pull(home, hub.endpoint, "hf:acme/models/tiny.gguf")
    assert f"the hub answered {status}" in answer["error"]
    assert answer["retryable"] is retryable


def test_full_disk_is_found_before_the_download(hub: Hub, home: Path, tiny: Path) -> None:
    hub.files["acme/models/tiny.gguf"] = tiny.read_bytes()
    hub.claimed_size = 10**18
    (answer,) = pull(home, hub.endpoint, "hf:acme/models/tiny.gguf")
    assert "no room on the disk" in answer["error"]
    assert f"{10**18:,} bytes are needed" in answer["error"]
    assert "HF_HOME" in answer["hint"]
    assert not hub.gets()


def test_hub_that_cannot_be_reached_is_reported_soon(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    begun = time.monotonic()
    (answer,) = pull(home, endpoint, "hf:acme/models/tiny.gguf")
    assert f"{endpoint} cannot be reached" in answer["error"]
    assert answer["retryable"]
    assert time.monotonic() - begun < 20


def test_offline_every_known_model_is_missed_in_the_cache(hub: Hub, home: Path) -> None:
    names = [model.name for model in KNOWN if model.source.startswith("hf:")]
    for answer in pull(home, hub.endpoint, *names, HF_HUB_OFFLINE="1"):
        assert "is not in the cache and HF_HUB_OFFLINE is set" in answer["error"]
        assert "Unset HF_HUB_OFFLINE" in answer["hint"]
    assert not hub.requests
