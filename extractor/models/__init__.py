"""Models: the bundled one, those that can be pulled by name, and any other that a user points at.

``resolve`` turns the text after ``--model`` into a ``ModelFile`` that llama.cpp can open (found or
downloaded, whole, with its SHA-256) or into a ``ServerModel``. Every failure is a ``ModelError``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from extractor.errors import ModelError
from extractor.models.gguf_file import Progress, Scalar, read_metadata, sequences, sha256_of

__all__ = [
    "BUNDLED",
    "KNOWN",
    "KnownModel",
    "ModelFile",
    "Progress",
    "Scalar",
    "ServerModel",
    "read_metadata",
    "resolve",
    "sequences",
]

BUNDLED = Path(str(files("extractor.models") / "bundled.gguf"))

_HUB_SPEC = re.compile(
    r"hf:(?P<repo>[^/\s]+/[^/\s]+)/(?P<file>\S+?\.gguf)(?:@(?P<sha256>[0-9a-f]{64}))?", re.IGNORECASE
)
_HUB_FORM = "hf:owner/repo/file.gguf, or hf:owner/repo/file.gguf@ and the 64 hexadecimal digits of its SHA-256"


@dataclass(frozen=True)
class KnownModel:
    """A model that ``--model`` takes by name.

    ``source`` is "bundled" or an ``hf:`` spec; ``size`` is the file in bytes, ``memory`` about what it
    needs to run with a context of 4096 tokens, in bytes; ``context`` is the longest the model was made
    for, in tokens; ``licence`` an SPDX id where there is one.
    """

    name: str
    source: str
    size: int
    memory: int
    context: int
    licence: str
    note: str


@dataclass(frozen=True)
class ModelFile:
    """A whole GGUF file on this machine; ``metadata`` is what ``read_metadata`` gave for it."""

    path: Path
    name: str
    sha256: str
    metadata: Mapping[str, Scalar] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class ServerModel:
    """A model behind an OpenAI-compatible server: its base URL and the name that the server knows."""

    url: str
    name: str


# Not one of these files was downloaded here. Owner, repo, file, size and SHA-256 are those on which at
# least three public repositories that download these files agree; the file listings of the two
# bartowski repos were also seen. Memory is file + F16 key-value cache + 0.3 GB of buffers, computed, not
# measured. When a publisher replaces a file, the pin fails by intent: compare, then update it.
KNOWN: tuple[KnownModel, ...] = (
    KnownModel(
        name="bundled",
        source="bundled",
        size=BUNDLED.stat().st_size if BUNDLED.exists() else 0,
        memory=300_000_000,
        context=1024,
        licence="as this package",
        note="made for this task; ships with the package",
    ),
    KnownModel(
        name="qwen2.5-0.5b",
        source="hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_k_m.gguf"
        "@74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
        size=491_400_032,
        memory=900_000_000,
        context=32_768,
        licence="Apache-2.0",
        note="smallest instruct model worth trying",
    ),
    KnownModel(
        name="llama-3.2-1b",
        source="hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf"
        "@6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
        size=807_694_464,
        memory=1_300_000_000,
        context=131_072,
        licence="Llama 3.2 Community License",
        note="light, long context",
    ),
    KnownModel(
        name="smollm2-1.7b",
        source="hf:HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/smollm2-1.7b-instruct-q4_k_m.gguf"
        "@decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33",
        size=1_055_609_536,
        memory=2_200_000_000,
        context=8192,
        licence="Apache-2.0",
        note="English only; large key-value cache",
    ),
    KnownModel(
        name="qwen2.5-1.5b",
        source="hf:Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m.gguf"
        "@6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        size=1_117_320_736,
        memory=1_600_000_000,
        context=32_768,
        licence="Apache-2.0",
        note="good balance on a laptop",
    ),
    KnownModel(
        name="llama-3.2-3b",
        source="hf:bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf"
        "@6c1a2b41161032677be168d354123594c0e6e67d2b9227c84f296ad037c728ff",
        size=2_019_377_696,
        memory=2_800_000_000,
        context=131_072,
        licence="Llama 3.2 Community License",
        note="stronger, long context",
    ),
    KnownModel(
        name="qwen3-4b",
        source="hf:unsloth/Qwen3-4B-Instruct-2507-GGUF/Qwen3-4B-Instruct-2507-Q4_K_M.gguf"
        "@3605803b982cb64aead44f6c1b2ae36e3acdb41d8e46c8a94c6533bc4c67e597",
        size=2_497_281_120,
        memory=3_500_000_000,
        context=262_144,
        licence="Apache-2.0",
        note="strongest of this list; answers without thinking first",
    ),
)

_BY_NAME = {model.name: model for model in KNOWN}


def resolve(spec: str, *, progress: Progress | None = None) -> ModelFile | ServerModel:
    """Find, download where needed, and check the model that ``spec`` names.

    ``spec`` is a name in ``KNOWN``, a path to a .gguf file, ``hf:owner/repo/file.gguf[@sha256]`` or
    ``openai:URL#name``. ``progress`` is called with (bytes so far, bytes in all or None) while a file is
    downloaded; a file in the cache is used without asking the network. A server is not contacted here.

    Raises ModelError for a spec that means nothing, and for a file that is missing, unreadable,
    truncated, not GGUF, of another hash, or cannot be downloaded.
    """
    known = _BY_NAME.get(spec.lower())
    source = known.source if known else spec
    if source == "bundled":
        return _bundled()
    if source.startswith("hf:"):
        return _from_hub(source, known.name if known else None, progress)
    if source.startswith("openai:"):
        return _server(source)
    path = Path(source).expanduser()
    if path.suffix.lower() == ".gguf" or len(path.parts) > 1 or path.exists():
        return _local(path, path.stem)
    raise _unknown(spec)


def _bundled() -> ModelFile:
    if not BUNDLED.exists():
        raise ModelError(
            f"the bundled model is not in this installation ({BUNDLED})",
            hint="Reinstall the package, or choose another model with --model.",
        )
    return _local(BUNDLED, "bundled")


def _local(path: Path, name: str) -> ModelFile:
    metadata = read_metadata(path)
    return ModelFile(path, name, sha256_of(path), metadata)


def _from_hub(source: str, name: str | None, progress: Progress | None) -> ModelFile:
    match = _HUB_SPEC.fullmatch(source)
    if match is None:
        raise ModelError(f"{source!r} does not name a file on the hub", hint=f"Write {_HUB_FORM}.")
    # huggingface_hub takes 0.3 s to import, which a model that is already here need not pay.
    from extractor.models.hub import fetch

    path, sha256 = fetch(match["repo"], match["file"], sha256=(match["sha256"] or "").lower(), progress=progress)
    return ModelFile(path, name or Path(match["file"]).stem, sha256, read_metadata(path))


def _server(source: str) -> ServerModel:
    try:
        url = urlsplit(source.removeprefix("openai:"))
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname or not url.fragment:
        raise ModelError(
            f"{source!r} does not name a model on a server",
            hint="Write openai:URL#name, for example openai:http://localhost:8080/v1#qwen2.5-1.5b.",
        )
    return ServerModel(url._replace(fragment="").geturl().rstrip("/"), url.fragment)


def _unknown(spec: str) -> ModelError:
    close = get_close_matches(spec.lower(), _BY_NAME, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    return ModelError(
        f"no model is called {spec!r}",
        hint=f"{guess}Known names: {', '.join(_BY_NAME)}. Or give a path to a .gguf file, {_HUB_FORM}, "
        "or openai:URL#name.",
    )
