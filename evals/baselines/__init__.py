"""What an extractor must beat: a verb lexicon with patterns, and finding nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...article import Article
from ...schemas import Extraction
from . import rules
from .rules import extraction

BASELINES: Mapping[str, Callable[[Article], Extraction]] = {
    "rules": rules.extract,
    "nothing": lambda article: extraction(article, {}),
}
