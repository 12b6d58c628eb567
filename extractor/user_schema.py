"""Records of the user's own: ``FILE.py:Class`` -> a Pydantic model that the grammar can express."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from pydantic import BaseModel

from .errors import SchemaError
from .filling import kind
from .pipeline import KINDS


def load_schema(spec: str) -> tuple[str, type[BaseModel]]:
    """Run the user's file and return the class's name and the class. Raises ``SchemaError``."""
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier():
        raise SchemaError(f"{spec!r} is not FILE.py:Class", hint="For example --schema my.py:Sanction.")
    record = getattr(_module(Path(file)), name, None)
    if not (isinstance(record, type) and issubclass(record, BaseModel)):
        raise SchemaError(f"{file} has no Pydantic model {name}", hint="Define it as a class derived from BaseModel.")
    if name in KINDS:
        raise SchemaError(f"the name {name} is taken", hint="Choose another class name.")
    kind(name, record)  # refuses what no grammar can express, before any model is loaded
    return name, record


def _module(path: Path) -> object:
    loaded = importlib.util.spec_from_file_location(path.stem, path)
    if loaded is None or loaded.loader is None or not path.is_file():
        raise SchemaError(f"{path} is not a Python file", hint="Name a .py file.")
    module = importlib.util.module_from_spec(loaded)
    sys.modules[path.stem] = module  # Pydantic looks annotations up here
    try:
        loaded.loader.exec_module(module)
    except Exception as error:
        raise SchemaError(f"{path} does not run: {type(error).__name__}: {error}", hint="Mend the file.") from error
    return module
