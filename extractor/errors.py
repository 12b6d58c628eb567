"""The errors of this package: one root, six leaves. Each says what to do and whether to try again.

ExtractorError
├── InputError    the article cannot be read
├── SchemaError   the schema asks for something that no grammar can express
├── PromptError   the prompt template is wrong
├── ModelError    the model is missing, damaged, too large, or cannot be reached
├── DecodeError   the model stopped before its answer was whole, or its time was up
└── OutputError   the output file cannot be written or resumed
"""

from __future__ import annotations


class ExtractorError(Exception):
    """Root of all errors that a caller is meant to catch.

    ``hint`` says in one sentence what the reader can do; ``retryable`` whether the same call may
    succeed later.
    """

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.retryable = retryable


class InputError(ExtractorError):
    """An article that cannot be read; ``place`` is the file, and the line where there is one."""

    place: str = ""


class SchemaError(ExtractorError):
    """A schema that cannot be turned into a grammar; the message names the field's path."""


class PromptError(ExtractorError):
    """A prompt template that does not render."""


class ModelError(ExtractorError):
    """A model that cannot be found, loaded or reached."""


class DecodeError(ExtractorError):
    """Decoding that ended before the answer was whole; ``stage`` is "truncated" or "timeout"."""

    def __init__(self, message: str, *, stage: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.stage = stage


class OutputError(ExtractorError):
    """An output file that cannot be written or resumed."""
