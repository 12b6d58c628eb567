"""Gold files: the records of an article as a person labelled them, quotes as offsets.

A file has the form of an ``Extraction`` with the fields that the model fills (and ``value``, ``mod``). A field that is
absent is not scored; null is. A quote may be ``{"start", "end"}`` alone. The article's text is not in
the file: it is looked up by ``article.id`` in the folders of articles, or in the corpus, and checked
against ``article.sha256``. ``article.start`` and ``end`` choose a passage of a long document; offsets
of quotes count from its start. The folder under ``gold/`` that a file lies in is its split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ..article import Article, expand, read
from ..errors import InputError
from ..pipeline import KINDS
from .corpus import texts as corpus_texts

Record = dict[str, Any]


@dataclass(frozen=True)
class Gold:
    """An article and its records; every quote is ``{"text", "start", "end"}``."""

    name: str
    split: str
    article: Article
    records: dict[str, list[Record]]

    @property
    def sha256(self) -> str:
        """Of text and records together: what a score of this article depends on."""
        content = json.dumps([self.article.text, self.records], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Skipped:
    """A gold file whose article is not at hand."""

    name: str
    split: str
    reason: str


def load(
    gold: Path, articles: Sequence[Path], corpus: Path | None = None, split: str | None = None
) -> list[Gold | Skipped]:
    """Return the gold files of a folder, or of one split of it, each with its text or the reason it is skipped.

    Raises ``InputError`` for a file that is no gold, or for a text that has changed since it was labelled.
    """
    files = sorted(gold.rglob("*.json"))
    if not files:
        raise InputError(f"{gold} holds no gold files (*.json)", hint="Name a folder of gold files with --gold.")
    named = [(file, file.relative_to(gold).parts[0] if file.parent != gold else "") for file in files]
    chosen = [(file, part, _read(file)) for file, part in named if split in (None, part)]
    if not chosen:
        raise InputError(
            f"{gold} has no split {split!r}", hint=f"It has {', '.join(sorted({p or 'none' for _, p in named}))}."
        )
    texts = _articles(articles)
    wanted = {content["article"]["id"] for _, _, content in chosen} - texts.keys()
    texts |= {name: Article(text, id=name) for name, text in corpus_texts(corpus, wanted).items()}
    return [_gold(file, part, content, texts, corpus) for file, part, content in chosen]


def _read(file: Path) -> Record:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{file} is not JSON: {error}", hint="Mend the file or take it out.") from error
    if not isinstance(content, dict) or not isinstance(content.get("article"), dict) or "id" not in content["article"]:
        raise InputError(
            f"{file} is no gold file", hint='It needs {"article": {"id": ...}, "commitments": [...], ...}.'
        )
    return content


def _articles(folders: Sequence[Path]) -> dict[str, Article]:
    present = [str(folder) for folder in folders if folder.exists() and (folder.is_file() or any(folder.iterdir()))]
    found = (article for source in (expand(present) if present else ()) for article in read(source))
    return {article.id: article for article in found if isinstance(article, Article)}


def _gold(file: Path, split: str, content: Record, texts: dict[str, Article], corpus: Path | None) -> Gold | Skipped:
    source = content["article"]
    article = texts.get(source["id"])
    if article is None:
        reason = "its article is in none of the folders" + ("" if corpus else ", and no corpus is given")
        return Skipped(file.stem, split, reason)
    if source.get("sha256") not in (None, hashlib.sha256(article.text.encode()).hexdigest()):
        raise InputError(f"{file}: the text of {source['id']} has changed since it was labelled", hint="Label it anew.")
    if "start" in source:
        article = Article(article.text[source["start"] : source["end"]], id=file.stem)
    records = {
        kind: [_record(kind, record, article.text, f"{file}: {kind}[{n}]") for n, record in enumerate(content[kind])]
        for kind in KINDS
        if kind in content
    }
    return Gold(file.stem, split, article, records)


def _record(kind: str, record: Record, text: str, where: str) -> Record:
    """Fill the texts of a record's quotes and check its values against the schema."""
    filled: Record = _filled(record, text, where)
    types = _types(kind)
    for name, value in filled.items():
        if name not in types:
            raise InputError(f"{where} has no field {name!r}", hint=f"The fields are {', '.join(types)}.")
        try:
            types[name].validate_python(value)
        except ValidationError as error:
            raise InputError(f"{where}.{name}: {error.errors()[0]['msg']}", hint="Mend that value.") from error
    return filled


@cache
def _types(kind: str) -> dict[str, TypeAdapter[Any]]:
    def adapter(field: FieldInfo) -> TypeAdapter[Any]:
        annotated: Any = Annotated[field.annotation, *field.metadata, None]
        return TypeAdapter(annotated)

    return {name: adapter(field) for name, field in KINDS[kind].model_fields.items()}


def _filled(value: Any, text: str, where: str) -> Any:
    if isinstance(value, dict) and value.keys() >= {"start", "end"}:
        words = text[value["start"] : value["end"]]
        if not words.strip() or value.get("text", words) != words:
            raise InputError(
                f"{where}: {value} does not fit the text, which has {words!r} there", hint="Label it anew."
            )
        return {"text": words, "start": value["start"], "end": value["end"]}
    if isinstance(value, dict):
        return {key: _filled(inner, text, where) for key, inner in value.items()}
    return [_filled(item, text, where) for item in value] if isinstance(value, list) else value


def plain(record: Record) -> Record:
    """Return a record with its quotes as texts."""
    return {key: _words(value) for key, value in record.items()}


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return value["text"] if value.keys() >= {"text", "start", "end"} else plain(value)
    return [_words(item) for item in value] if isinstance(value, list) else value
