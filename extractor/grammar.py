"""A Pydantic model and a passage -> the grammar under which the model's answer is decoded.

Every ``Quote`` is a substring of the passage from word boundary to word boundary, so a quote that is
not in the passage cannot be written. The grammar is in llguidance's dialect of Lark, see
https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md; its ``substring_chunks`` is a
suffix automaton over the chunks handed to it.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from .errors import SchemaError
from .schemas import DerivedMarker, Quote, chunks

# A quote starts and ends with something other than white space, escaped or not.
_QUOTE = r"""quote: /"/ QUOTE /"/
QUOTE: SUBSTRING & /([^\s\\]|\\["\\\/])(([^\\]|\\.)*([^\s\\]|\\["\\\/]))?/
"""


def escaped(text: str) -> str:
    """Return ``text`` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


@dataclass(frozen=True)
class Grammar:
    """What an answer may look like: ``rules`` without the passage, and the same as a JSON Schema."""

    rules: str
    json_schema: dict[str, Any]

    def lark(self, passage: str) -> str:
        """Return the grammar for answers about ``passage``."""
        if "quote" not in self.rules:
            return self.rules
        return f"{self.rules}{_QUOTE}{_substring(passage)}"


@lru_cache(maxsize=64)
def _substring(passage: str) -> str:
    pieces = json.dumps([escaped(piece) for piece in chunks(passage)])
    return f'SUBSTRING: %regex {{"substring_chunks": {pieces}}}\n'


def build(model: type[BaseModel]) -> Grammar:
    """Build the grammar of compact JSON objects of ``model``, fields in their order, derived ones left out.

    Raises ``SchemaError`` with the path of a field that the grammar cannot express.
    """
    rule, schema = _object(model, model.__name__, ())
    return Grammar(f"start: {rule}\n", schema)


def listing(answer: Grammar, name: str, record: type[BaseModel], found: Sequence[str]) -> Grammar:
    """Narrow the grammar of ``{name: [...]}`` to one record for each of ``found``, in order.

    The first field of ``record``, which must be a quote, has those words; the others are the model's to fill.
    """
    rule, _ = _object(record, record.__name__, ())
    records = '"," '.join(
        rule.replace(" quote", f" {_quoted(json.dumps(words, ensure_ascii=False))}", 1) for words in found
    )
    return replace(answer, rules=f'start: {_quoted(f"{{{json.dumps(name)}:[")} {records} "]}}"\n')


_Form = tuple[str, dict[str, Any]]  # an expression of the grammar, and the same as JSON Schema


def model_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the fields that the model fills."""
    for name, field in model.model_fields.items():
        if not any(isinstance(mark, DerivedMarker) for mark in field.metadata):
            yield name, field


def _object(model: type[BaseModel], path: str, inside: tuple[type, ...]) -> _Form:
    if model in inside:
        raise _refused(path, "a model inside itself has no bound")
    model.model_rebuild()  # resolves names of models that are defined further down
    fields = list(model_fields(model))
    if not fields:
        raise _refused(path, "a model without fields to fill")
    parts, properties = [], {}
    for number, (name, field) in enumerate(fields):
        at_field = f"{path}.{name}"
        if field.alias or field.validation_alias:
            raise _refused(at_field, "a field with an alias; name the field itself so")
        rule, schema = _value(field.annotation, field.metadata, at_field, (*inside, model))
        parts.append(f"{_quoted(('{' if number == 0 else ',') + json.dumps(name) + ':')} {rule}")
        properties[name] = schema | ({"description": field.description} if field.description else {})
    return f'({" ".join(parts)} "}}")', {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value(annotation: Any, metadata: list[Any], path: str, inside: tuple[type, ...]) -> _Form:
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = [*metadata, *more]
    metadata = [
        mark for mark in metadata if not isinstance(mark, AfterValidator)
    ]  # it objects, and the model is re-asked
    if isinstance(annotation, type) and issubclass(annotation, Quote):
        return "quote", {"type": "string"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _object(annotation, path, inside)
    if annotation is bool:
        return '("true" | "false")', {"type": "boolean"}
    origin = get_origin(annotation)
    if origin is Literal:
        values = [json.dumps(value, ensure_ascii=False) for value in get_args(annotation)]
        return f"({' | '.join(map(_quoted, values))})", {"enum": list(get_args(annotation))}
    if origin in (Union, types.UnionType):
        return _optional(annotation, metadata, path, inside)
    if origin is list:
        return _list(annotation, metadata, path, inside)
    if annotation in (int, str):
        return _scalar(annotation, metadata, path)
    raise _refused(path, f"the type {getattr(annotation, '__name__', annotation)}")


def _optional(annotation: Any, metadata: list[Any], path: str, inside: tuple[type, ...]) -> _Form:
    present = [option for option in get_args(annotation) if option is not types.NoneType]
    if len(present) != 1 or len(get_args(annotation)) != 2:
        raise _refused(path, "a union of several types")
    rule, schema = _value(present[0], metadata, path, inside)
    return f'("null" | {rule})', {"anyOf": [schema, {"type": "null"}]}


def _list(annotation: Any, metadata: list[Any], path: str, inside: tuple[type, ...]) -> _Form:
    least, most = _length(metadata, path)
    if most is None:
        raise _refused(path, "a list without max_length")
    rule, schema = _value(get_args(annotation)[0], [], f"{path}[]", inside)
    some = f'{rule} ("," {rule}){{{max(least - 1, 0)},{most - 1}}}'
    return f'"[" {some if least else f"({some})?"} "]"', {
        "type": "array",
        "items": schema,
        "minItems": least,
        "maxItems": most,
    }


def _scalar(annotation: type, metadata: list[Any], path: str) -> _Form:
    schema: dict[str, Any]
    if annotation is int:
        low, high = _range(metadata, path)
        schema = {"type": "integer", "minimum": low, "maximum": high}
    else:
        least, most = _length(metadata, path)
        if most is None:
            raise _refused(path, "a string without max_length; a Quote copies from the article")
        schema = {"type": "string", "minLength": least, "maxLength": most}
    return f"%json {json.dumps(schema)}", schema


def _length(metadata: list[Any], path: str) -> tuple[int, int | None]:
    least, most = 0, None
    for bound in metadata:
        if isinstance(bound, at.MinLen):
            least = bound.min_length
        elif isinstance(bound, at.MaxLen):
            most = bound.max_length
        else:
            raise _refused(path, f"the constraint {bound}")
    if most is not None and most < max(least, 1):
        raise _refused(path, f"a length between {least} and {most}")
    return least, most


def _range(metadata: list[Any], path: str) -> tuple[int, int]:
    low = high = None
    for bound in metadata:
        match bound:
            case at.Ge(ge=int(value)):
                low = value
            case at.Gt(gt=int(value)):
                low = value + 1
            case at.Le(le=int(value)):
                high = value
            case at.Lt(lt=int(value)):
                high = value - 1
            case _:
                raise _refused(path, f"the constraint {bound}")
    if low is None or high is None:
        raise _refused(path, "an integer without both bounds (ge and le)")
    return low, high


def _quoted(literal: str) -> str:
    return json.dumps(literal, ensure_ascii=False)


def _refused(path: str, what: str) -> SchemaError:
    return SchemaError(
        f"{path}: the grammar cannot express {what}",
        hint="Use Quote, Literal, bool, int with bounds, str and list with max_length, Optional, nested models.",
    )
