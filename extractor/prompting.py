"""Prompt templates -> messages -> token segments in which only template text can become control tokens.

A template is a Jinja2 file with the blocks ``system`` (may be empty) and ``user``, rendered in a
sandbox with undefined variables as errors. The model's own chat template then wraps the messages.
It sees a placeholder for each message: what the messages hold is put in afterwards, as plain text.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from .errors import PromptError
from .grammar import model_fields

_BLOCKS = ("system", "user")
_NONCE = secrets.token_hex(8)  # no article can know it
_WITHOUT_TEMPLATE = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"


@dataclass(frozen=True)
class Prompt:
    """Messages in the OpenAI form, in order."""

    messages: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Segment:
    """A piece of text for the tokeniser; ``trusted`` text may name control tokens."""

    text: str
    trusted: bool


@dataclass(frozen=True)
class Template:
    """A prompt template; ``sha256`` is the hash of its source."""

    name: str
    source: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()

    def render(self, passage: str, kind: str, record: type[BaseModel]) -> Prompt:
        """Fill the template for the records of one kind. Raises ``PromptError``."""
        variables = {"passage": passage, "kind": kind, "guideline": guideline(record), "name": record.__name__}
        try:
            template = _compiled(self.source)
            context = template.new_context(variables)
            texts = {
                role: "".join(template.blocks[role](context)).strip("\n") for role in _BLOCKS if role in template.blocks
            }
        except (TemplateError, TypeError, ValueError) as error:
            raise PromptError(
                f"prompt {self.name}: {error}", hint="See prompts/instruct.j2 for a working one."
            ) from error
        if not texts.get("user"):
            raise PromptError(
                f"prompt {self.name}: has no block 'user'", hint="See prompts/instruct.j2 for a working one."
            )
        return Prompt(tuple({"role": role, "content": text} for role, text in texts.items() if text))


def load_template(name: str) -> Template:
    """Load a template of the package by name ("bundled", "instruct") or from a file by path."""
    shipped = resources.files(__package__).joinpath("prompts", f"{name}.j2")
    try:
        if shipped.is_file():
            return Template(name, shipped.read_text("utf-8"))
        return Template(name, Path(name).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"the prompt {name} cannot be read: {error}", hint="Name 'bundled', 'instruct' or a template file."
        ) from error


def guideline(record: type[BaseModel]) -> str:
    """Say in words what a record is, from its docstring and the descriptions of its fields."""
    lines = [" ".join((record.__doc__ or record.__name__).split())]
    lines += [f"- {name}: {field.description or ''}".rstrip(": ") for name, field in model_fields(record)]
    return "\n".join(lines)


def segments(
    chat_template: str | None, messages: Sequence[dict[str, Any]], *, bos: str = "", eos: str = ""
) -> list[Segment]:
    """Wrap messages in a model's chat template. Raises ``PromptError`` when the template does not render."""
    stand_ins = [{**message, "content": f"@{_NONCE}:{number}@"} for number, message in enumerate(messages)]
    try:
        text = _compiled(chat_template or _WITHOUT_TEMPLATE).render(
            messages=stand_ins, add_generation_prompt=True, bos_token=bos, eos_token=eos, tools=None
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise PromptError(
            f"the model's chat template does not render: {error}", hint="Use another model, or another prompt."
        ) from error
    return [piece for piece in _cut(text, messages) if piece.text]


def _cut(text: str, messages: Sequence[dict[str, Any]]) -> Iterable[Segment]:
    first, *rest = text.split(f"@{_NONCE}:")
    yield Segment(first, trusted=True)
    for piece in rest:
        number, _, after = piece.partition("@")
        yield Segment(str(messages[int(number)]["content"]), trusted=False)
        yield Segment(after, trusted=True)


@lru_cache(maxsize=8)
def _compiled(source: str) -> jinja2.Template:
    return _environment().from_string(source)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        extensions=["jinja2.ext.loopcontrols"],
    )  # fmt: skip
    environment.globals["raise_exception"] = _raise
    return environment


def _raise(message: str) -> None:
    raise ValueError(message)
