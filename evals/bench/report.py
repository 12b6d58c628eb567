"""From the runs of a session to medians and ratios, a table and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from .contenders import CEILING, OFF, PEERS

BEGIN, END = "<!-- results: written by the command -->", "<!-- end of results -->"
_DECIMALS = 4
_COLUMNS = {
    "articles/min": ("articles_per_minute", ".2f"),
    "tokens/s": ("tokens_per_second", ".0f"),
    "steps/token": ("steps_per_token", ".2f"),
    "first record, s": ("first_record_s", ".2f"),
    "memory, MiB": ("peak_mib", ".0f"),
    "in llama.cpp": ("llama_share", ".0%"),
    "as wanted": ("same_share", ".0%"),
}


@dataclass(frozen=True)
class Figures:
    """What one run of one contender came to; ``first_record_s`` is None where no record was written.

    ``llama_share`` is the share of the time inside llama_decode, ``same_share`` that of the answers which are
    those that were wanted, or, where the model writes freely, those of this project.
    """

    articles_per_minute: float
    tokens_per_second: float
    tokens_per_article: float
    steps_per_token: float
    first_record_s: float | None
    peak_mib: float
    llama_share: float
    same_share: float
    opening_s: float


@dataclass(frozen=True)
class Result:
    """One run: of which model and contender, with how many requests at once, in which round of the session."""

    model: str
    contender: str
    parallel: int
    round: int
    figures: Figures


def aggregate(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return one object for each model, contender and N, in order, with the medians over its rounds.

    ``ratios`` are medians of the articles a minute in a round over those of the peers and of everything off in
    the same round, and of the time for an article over the ceiling's at the same N. ``spread`` is the
    least and most articles a minute.
    """
    groups: dict[tuple[str, str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.model, result.contender, result.parallel), []).append(result)
    return [
        {
            "model": model,
            "contender": contender,
            "parallel": parallel,
            "rounds": len(group),
            **_medians([asdict(one.figures) for one in group]),
            "spread": [_rounded(pick(one.figures.articles_per_minute for one in group)) for pick in (min, max)],
            "ratios": _ratios(group, results),
        }
        for (model, contender, parallel), group in groups.items()
    ]


def _medians(figures: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    columns = {name: [one[name] for one in figures] for name in figures[0]}
    return {
        name: None if None in values else _rounded(median(value for value in values if value is not None))
        for name, values in columns.items()
    }


def _ratios(group: Sequence[Result], results: Sequence[Result]) -> dict[str, float]:
    one = group[0]
    speed = {(r.model, r.contender, r.parallel, r.round): r.figures.articles_per_minute for r in results}
    ratios = {}
    for rival, parallel in [*((name, 1) for name in (*PEERS, OFF)), (CEILING, one.parallel)]:
        if rival == one.contender:
            continue
        pairs = [
            (r.figures.articles_per_minute, speed[key])
            for r in group
            if (key := (r.model, rival, parallel, r.round)) in speed
        ]
        if pairs:
            name = "time_over_ceiling" if rival == CEILING else f"over_{rival}"
            ratios[name] = _rounded(median(b / a if rival == CEILING else a / b for a, b in pairs))
    return ratios


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)


def table(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table of the objects of one model."""
    rivals = list(dict.fromkeys(name for one in objects for name in one["ratios"]))
    head = ["contender", "N", *_COLUMNS, *(name.replace("_", " ") for name in rivals)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *(_row(one, rivals) for one in objects)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(one: Mapping[str, Any], rivals: Sequence[str]) -> Iterator[str]:
    yield one["contender"]
    yield str(one["parallel"])
    for name, form in _COLUMNS.values():
        yield "-" if one[name] is None else format(one[name], form)
    for name in rivals:
        yield format(one["ratios"][name], ".2f") if name in one["ratios"] else "-"


def chart(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG of articles a minute: a panel for each model, a bar for each contender with its spread."""
    left, width, row, right = 210, 420, 20, 90
    parts, y = [], 0
    for model in dict.fromkeys(one["model"] for one in objects):
        bars = [one for one in objects if one["model"] == model]
        scale = width / max(one["spread"][1] for one in bars)
        y += 34
        parts.append(f'<text x="8" y="{y}" class="head">{escape(model)}: articles a minute</text>')
        y += 10
        for one in bars:
            name = f"{one['contender']}, N = {one['parallel']}"
            kind = "peer" if one["contender"] in PEERS else "ceiling" if one["contender"] == CEILING else "ours"
            long, low, high = (scale * value for value in (one["articles_per_minute"], *one["spread"]))
            middle = y + row // 2
            parts += [
                f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{left}" y="{y + 3}" width="{long:.1f}" height="{row - 6}" class="{kind}"/>',
                f'<path d="M{left + low:.1f} {middle}H{left + high:.1f}" class="spread"/>',
                f'<text x="{left + high + 6:.1f}" y="{middle + 4}">{one["articles_per_minute"]:.2f}</text>',
            ]
            y += row
    style = (
        "text{font:12px sans-serif;fill:#222}.head{font-weight:bold}.peer{fill:#c98b4b}.ours{fill:#3b7dd8}"
        ".ceiling{fill:#9aa3ad}.spread{stroke:#222}"
    )
    size = f'width="{left + width + right}" height="{y + 12}"'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>', background, *parts, "</svg>"]
    return "\n".join(lines) + "\n"


def page(readme: str, session: str, objects: Sequence[Mapping[str, Any]], left_out: Mapping[str, str]) -> str:
    """Return the README with everything between its markers written anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [session]
    if left_out:
        parts.append("\n".join(["Left out:", "", *(f"- {name}: {reason}" for name, reason in left_out.items())]))
    if objects:
        parts.append("![articles a minute](throughput.svg)")
    for model in dict.fromkeys(one["model"] for one in objects):
        parts.append(f"### {model}\n\n" + table([one for one in objects if one["model"] == model]))
    inner = "\n\n".join(parts)
    return f"{before}{BEGIN}\n\n{inner}\n\n{END}{after}"
