"""Generated passages with exact labels, for training the small extraction model.

``sample(rng)`` returns one row in the form of ``training.labels``. Sentences come from frames whose
slots are filled from word lists (``data/*.txt``); every label is a span that the frame marked.
"""

from training.generator import slots as _slots  # noqa: F401  (registers the slots)
from training.generator.passage import sample

__all__ = ["sample"]
