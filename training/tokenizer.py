"""The model's byte-level BPE vocabulary, trained on corpus text and on the JSON it has to write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

BOS, EOS, PAD, EXTRACT = "<s>", "</s>", "<pad>", "<extract>"
CONTROL = (BOS, EOS, PAD, EXTRACT)  # their ids are 0, 1, 2, 3


def train(texts: Iterable[str], vocabulary: int, path: Path) -> None:
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


def load(path: Path) -> Tokenizer:
    """Load a vocabulary; what it encodes is plain text, in which a ``</s>`` is no control token."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return tokenizer
