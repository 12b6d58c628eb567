"""Sentences that tell a dispute between two sides, with its record."""

from __future__ import annotations

from training.generator import lexicon
from training.generator.scene import Local, Scene


def sentence(scene: Scene) -> str:
    """A sentence or two about what two sides want, and the record of it."""
    rng = scene.rng
    scene.used.clear()
    state, template = rng.choice(lexicon.DISPUTES)
    if rng.random() < 0.25:
        state, template = rng.choice([pair for pair in lexicon.DISPUTES if pair[0] != "open"])
    local = Local()
    for key in ("X", "Y"):
        _side(scene, local, key)
    text = scene.fill(template, local)
    parties = local.spans["X"] + local.spans["Y"]
    stances = [
        (local.spans[key][0] if key in local.spans else None, span)
        for key in ("X", "Y", "N")
        for span in local.spans.get(f"s{key}", ())
    ]
    scene.disputes.append((parties, local.spans["i"][0], stances, state))
    return text


def _side(scene: Scene, local: Local, key: str) -> None:
    """Bind one party, and its name once more for templates that repeat it."""
    if scene.rng.random() < 0.8:
        state = scene.pick(0.4)
        text, span = scene.state(state)
        again = scene.state(state, 0)[0]
    else:
        text, span = scene.rebels() if key == "X" else scene.international()
        again = text
    local.values[key] = text
    local.values[f"{key}0"] = again
    local.spans[key] = [span]
