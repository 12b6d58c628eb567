"""A trained decoder and its vocabulary -> one GGUF file that llama.cpp loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.quants import quantize
from torch import Tensor

from .decoder import Shape
from .tokenizer import BOS, CONTROL, EOS, EXTRACT, PAD

# The engine wraps a passage in this as it wraps a chat in an instruct model's template.
CHAT_TEMPLATE = BOS + "{{ messages[-1].content }}" + EXTRACT
WINDOW = 30  # words in a passage: measured on dev, 60 gives 0.01 less to all but disputes, which it gives 0.003


def export(
    weights: Mapping[str, Tensor],
    shape: Shape,
    tokenizer: Path,
    path: Path,
    *,
    name: str,
    quantised: bool = True,
    calibration: Mapping[str, tuple[float, float]] | None = None,
    closing: Mapping[str, float] | None = None,
) -> None:
    """Write ``path``: matrices as Q8_0 (or 32-bit floats when ``quantised`` is false), norms as 32-bit floats.

    ``calibration`` and ``closing`` are what ``EngineInfo`` says of them.
    """
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, shape, name)
    writer.add_string("accord.calibration", json.dumps(calibration or {}))
    writer.add_string("accord.closing", json.dumps(closing or {}))
    _vocabulary(writer, json.loads(tokenizer.read_text("utf-8")))
    for key, tensor in weights.items():
        values = tensor.float().numpy().astype(np.float32)
        if values.ndim == 2 and quantised:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(key, quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(key, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, shape: Shape, name: str) -> None:
    writer.add_name(name)
    writer.add_license("Apache-2.0")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_string("accord.prompt", "bundled")
    writer.add_string("accord.attention", "prefix")
    writer.add_uint32("accord.window", WINDOW)


def _vocabulary(writer: gguf.GGUFWriter, tokenizer: Mapping[str, Any]) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL if token in CONTROL else gguf.TokenType.NORMAL for token in tokens]
    writer.add_token_types(kinds)
    merges = tokenizer["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(CONTROL.index(BOS))
    writer.add_eos_token_id(CONTROL.index(EOS))
    writer.add_pad_token_id(CONTROL.index(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
