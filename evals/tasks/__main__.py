"""``python -m extractor.evals.tasks SET PATH``: the figures of a public set, or of ``evals/nothing``.

Exit codes: 0 all went well; 1 some record could not be used; 2 the set cannot be read or the model not run.
"""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ...errors import ExtractorError, InputError
from ...pipeline import Extractor
from ...rendering import plain
from . import nothing, plover, rams, tempeval
from .common import Figure

_SETS = {"plover": plover, "tempeval": tempeval, "rams": rams, "nothing": nothing}
_err = Console(stderr=True, highlight=False)
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Set(StrEnum):
    """The sets there are adapters for."""

    plover = "plover"
    tempeval = "tempeval"
    rams = "rams"
    nothing = "nothing"


@app.command()
def main(
    name: Annotated[Set, typer.Argument(metavar="SET", help="plover, tempeval, rams or nothing")],
    path: Annotated[Path, typer.Argument(help="the set's file (plover, rams) or folder (tempeval, nothing)")],
    model: Annotated[
        str | None, typer.Option(help="as for extractor run; tempeval uses one only if it is given")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="read only so many texts", min=1)] = None,
) -> None:
    """Print the figures of a public set that you have a copy of, or of the paragraphs without commitments."""
    try:
        figures, sound = _run(name, path, model, limit)
    except ExtractorError as error:
        _complain("error", error)
        raise typer.Exit(2) from None
    Console().print(_table(f"{name}: {path.name}", figures))
    raise typer.Exit(0 if sound else 1)


def _run(name: Set, path: Path, model: str | None, limit: int | None) -> tuple[list[Figure], bool]:
    loaded = _SETS[name].load(path)
    bad = [one for one in loaded if isinstance(one, InputError)]
    for error in bad:
        _complain("left out", error)
    examples = [one for one in loaded if not isinstance(one, InputError)][:limit]
    with ExitStack() as stack:
        needed = model or ("bundled" if name != Set.tempeval else None)
        extractor = stack.enter_context(Extractor(needed)) if needed else None
        shown = track(examples, console=_err, disable=not _err.is_terminal, transient=True)
        return _SETS[name].evaluate(shown, extractor), not bad


def _complain(word: str, error: ExtractorError) -> None:
    _err.print(plain(f"{word}: {error}", style="red"), soft_wrap=True)
    if error.hint:
        _err.print(plain(f"    {error.hint}"), soft_wrap=True)


def _table(title: str, figures: list[Figure]) -> Table:
    table = Table("figure", title=plain(title), title_justify="left")
    for heading in ("share", "found", "of"):
        table.add_column(heading, justify="right")
    for one in figures:
        table.add_row(one.name, "-" if one.share is None else f"{one.share:.2f}", str(one.found), str(one.of))
    return table


if __name__ == "__main__":
    app()
