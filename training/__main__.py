"""From text to the bundled model: ``python -m training --corpus DIR``. Run it again and it resumes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from . import corpus, labelled, overlap, tokenizer
from .batches import text_stream
from .decoder import Decoder, Shape
from .export import export
from .labels import Row
from .targets import targets
from .train import Data, Stage, run

BUNDLED = Path(__file__).parent.parent / "extractor" / "models" / "bundled.gguf"


@dataclass(frozen=True)
class Setting:
    """A model's shape, the text it reads (characters of the corpus), and the stages of its training."""

    shape: Shape
    corpus_chars: int
    stages: tuple[Stage, ...]


SETTINGS = {
    "full": Setting(
        Shape(vocabulary=8192, width=256, layers=8, heads=4, hidden=704),
        60_000_000,
        (
            Stage("language", 1000, language_share=1.0),
            Stage("extraction", 4000, language_share=0.3, labelled_share=0.5),
            Stage("finish", 1300, language_share=0.1, labelled_share=0.8, decay=1.0, rate=2.5e-3),
        ),
    ),
    # Proves the way from text to GGUF in seconds; it learns next to nothing.
    "small": Setting(
        Shape(vocabulary=2048, width=64, layers=2, heads=2, hidden=128),
        0,
        (Stage("extraction", 20, labelled_share=0.5, decay=0.5, tokens=1536),),
    ),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of *.jsonl.zst; without it only what we wrote is used")
    parser.add_argument("--setting", choices=SETTINGS, default="full")
    parser.add_argument("--work", type=Path, default=Path(".work"), help="checkpoints, to resume from")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    options = parser.parse_args(arguments)
    setting = SETTINGS[options.setting]
    if setting.corpus_chars and not options.corpus:
        parser.error("the full setting needs --corpus; see training/README.md for where it comes from")
    train(setting, options.corpus, options.work, options.out)


def train(setting: Setting, corpus_folder: Path | None, work: Path, out: Path) -> None:
    """Train a model from text to ``out``; what ``work`` holds of an earlier run is used."""
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    gold = overlap.gold_grams(corpus_folder)
    labels = [*labelled.written(), *(labelled.real(corpus_folder) if corpus_folder else ())]
    rows = [row for row in labels if not labelled.held_out(row) and not overlap.shares(row["text"], gold)]
    texts = corpus.training_texts(corpus_folder, 0, setting.corpus_chars, gold) if corpus_folder else []
    words = work / "tokenizer.json"
    if not words.exists():
        tokenizer.train(_vocabulary_texts(texts, rows), setting.shape.vocabulary, words)
    vocabulary = tokenizer.load(words)
    stream = text_stream(vocabulary, texts) if texts else None
    decoder = Decoder(setting.shape)
    for stage in setting.stages:
        run(stage, decoder, Data(vocabulary, stream, rows), work / f"{stage.name}.pt")
    out.parent.mkdir(parents=True, exist_ok=True)
    export(decoder.state_dict(), setting.shape, words, out, name="accord-bundled")
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)", file=sys.stderr)


def _vocabulary_texts(texts: list[str], rows: list[Row]) -> list[str]:
    """What the vocabulary is trained on.

    A quote begins without a space before it: text with its spaces made line breaks gives whole words
    a token in that form too, so that they are copied one to one.
    """
    written = [row["text"] for row in rows]
    answers = [answer for row in rows for answer in targets(row)]
    broken = [text.replace(" ", "\n") for text in [*texts[3000:3700], *written]]
    return [*texts[:3000], *broken, *written * 4, *answers * 6]


if __name__ == "__main__":
    main()
