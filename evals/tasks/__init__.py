"""Public evaluation sets that nobody here wrote; the data is the reader's own copy, none is in this repository.

A set is a module with ``load(path)``, which returns its examples and, in their places, the records that
cannot be read, and ``evaluate(examples, extractor)``, which returns its figures. The sets annotate some
events of a text and not all, so every figure is a share of theirs that is found, never of ours.
"""
