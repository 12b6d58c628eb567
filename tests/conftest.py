"""What several test modules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from extractor import Extractor
from extractor.engine import EngineInfo

# A busy machine makes single examples slow; that says nothing about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

REPOSITORY = Path(__file__).parent.parent


def shared(name: str) -> Path | None:
    """A folder of shared material, where this machine has it."""
    folder = REPOSITORY.parent / "shared" / name
    return folder if folder.is_dir() else None


def engine_info(path: Path) -> EngineInfo:
    return EngineInfo(path.stem, None, "bundled", 90, corrigible=False)


@pytest.fixture(scope="session")
def bundled() -> Iterator[Extractor]:
    """The bundled model, opened once."""
    with Extractor() as extractor:
        yield extractor
