"""The model's byte-level BPE vocabulary, trained on corpus text and on the JSON it has to write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

BOS, EOS, PAD, EXTRACT = "<s>", "</s>", "<pad>", "<extract>"
CONTROL = (BOS, EOS, PAD, EXTRACT)  # their ids are 0, 1, 2, 3


def train(texts: Iterable[str], vocabulary: int, path: Path) -> Tokenizer:
    """Train a BPE of ``vocabulary`` tokens on ``texts`` and write it to ``path``."""
    tokenizer = Tokenizer(models.BPE())
    # llama.cpp's pre-tokenizer "gpt-2" splits as this one does, so both give the same ids.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of ``text`` as plain text: a ``</s>`` in it never becomes a control token."""
    plain = tokenizer.encode_batch([text], add_special_tokens=False)[0].ids
    if not any(token < len(CONTROL) for token in plain):
        return plain
    # The library splits on special tokens wherever they stand; cutting them apart keeps them text.
    return [token for piece in text.replace("<", "\0<").split("\0") for token in _halves(tokenizer, piece)]


def _halves(tokenizer: Tokenizer, piece: str) -> list[int]:
    return [*tokenizer.encode(piece[:1]).ids, *tokenizer.encode(piece[1:]).ids]
