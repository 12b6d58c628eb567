"""``python -m training.generator --count N --seed S``: JSONL, or text with ``--show``."""

from __future__ import annotations

import argparse
import json
import random
import sys

from training.generator.passage import Row, sample
from training.labels import problems


def _readable(row: Row) -> str:
    """The passage, then one line for each record with its empty fields left out."""
    parts = [row["text"]]
    for kind in ("commitments", "participants", "durations", "disputes"):
        for record in row[kind]:
            filled = {name: value for name, value in record.items() if value is not None}
            parts.append(f"  {kind[:-1]}: {json.dumps(filled, ensure_ascii=False)}")
    return "\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print generated rows; the exit status tells whether any of them is malformed."""
    parser = argparse.ArgumentParser(prog="python -m training.generator", description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="number of passages")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same passages")
    parser.add_argument("--show", action="store_true", help="print for reading, not as JSONL")
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    bad = 0
    for number in range(options.count):
        row = {"id": f"generated-{options.seed}-{number}", **sample(rng)}
        for problem in problems(row):
            bad += 1
            print(f"{row['id']}: {problem}", file=sys.stderr)
        print(_readable(row) if options.show else json.dumps(row, ensure_ascii=False))
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
