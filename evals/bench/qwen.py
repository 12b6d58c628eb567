"""A model of Qwen2 0.5B's shape and vocabulary with random weights: speed does not depend on them.

The shape is that of https://huggingface.co/Qwen/Qwen2-0.5B (Yang et al. 2024, arXiv:2407.10671): 494 million
parameters, here as Q8_0. The vocabulary is in the source package of llama-cpp-python, which pip fetches.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np

VOCABULARY = "vendor/llama.cpp/models/ggml-vocab-qwen2.gguf"
LAYERS, WIDTH, HIDDEN, HEADS, HEADS_KV, CONTEXT = 24, 896, 4864, 14, 2, 32768
_DEVIATION = 0.02  # of the weights


def ensure(path: Path) -> Path:
    """Return ``path``, written first where it is missing. Raises ``CalledProcessError`` where pip cannot fetch."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            write(part, _vocabulary(Path(folder)))
            part.rename(path)  # last, so that a file that exists is whole
    return path


def _vocabulary(folder: Path) -> Path:
    """Fetch the source of the installed llama-cpp-python, and take the vocabulary out of it."""
    wanted = f"llama-cpp-python=={version('llama-cpp-python')}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python"]
    subprocess.run([*pip, "--dest", str(folder), wanted], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        (member,) = (one for one in archive if one.name.endswith(VOCABULARY))
        member.name = "vocabulary.gguf"
        archive.extract(member, folder, filter="data")
    return folder / member.name


def write(path: Path, vocabulary: Path) -> None:
    """Write a model of random weights, always the same, with the vocabulary of another GGUF file."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("qwen2-0.5b-random")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS_KV)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    fields = gguf.GGUFReader(vocabulary).fields
    for name, field in fields.items():
        if name.startswith("tokenizer."):
            inner = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)
    rng = np.random.default_rng(0)
    for name, shape in _tensors(len(fields["tokenizer.ggml.tokens"].data)):
        if len(shape) == 1:
            values = np.ones(shape, np.float32) if "norm" in name else np.zeros(shape, np.float32)
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, _q8(rng, *shape), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(tokens: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of all weights; the embedding is the output matrix too."""
    kv = HEADS_KV * (WIDTH // HEADS)
    yield "token_embd.weight", (tokens, WIDTH)
    yield "output_norm.weight", (WIDTH,)
    for number in range(LAYERS):
        layer = f"blk.{number}"
        yield f"{layer}.attn_norm.weight", (WIDTH,)
        for name, rows in (("q", WIDTH), ("k", kv), ("v", kv)):
            yield f"{layer}.attn_{name}.weight", (rows, WIDTH)
            yield f"{layer}.attn_{name}.bias", (rows,)
        yield f"{layer}.attn_output.weight", (WIDTH, WIDTH)
        yield f"{layer}.ffn_norm.weight", (WIDTH,)
        yield f"{layer}.ffn_gate.weight", (HIDDEN, WIDTH)
        yield f"{layer}.ffn_up.weight", (HIDDEN, WIDTH)
        yield f"{layer}.ffn_down.weight", (WIDTH, HIDDEN)


def _q8(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return random blocks of Q8_0 (rows, bytes): a 16-bit scale and 32 signed bytes each."""
    blocks = np.empty((rows, columns // 32, 34), np.uint8)
    scale = np.float16(_DEVIATION / (127 / np.sqrt(3)))  # of a uniform distribution over -127 to 127
    blocks[..., :2] = np.frombuffer(scale.tobytes(), np.uint8)
    blocks[..., 2:] = rng.integers(-127, 128, (rows, columns // 32, 32), np.int8).view(np.uint8)
    return blocks.reshape(rows, -1)
