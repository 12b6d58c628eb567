"""Passages: which sentences stand together, and the row that they make."""

from __future__ import annotations

import random
import re
from typing import Any

from training.generator import commitments, disputes, lexicon, markup, people
from training.generator.commitments import Actor
from training.generator.scene import Local, Scene

Row = dict[str, Any]
MIN_WORDS, MAX_WORDS = 20, 130
_AGENCIES = ("Agency", "NewsWire", "Northline", "Meridian Press", "DPN", "Staff")


def sample(rng: random.Random) -> Row:
    """One labelled passage; the state of ``rng`` decides everything about it."""
    while True:
        scene = Scene(rng)
        marked = _style(rng, markup.tidy(_write(scene)))
        text, spans = markup.resolve(marked)
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            return _row(scene, text, spans)


# -- writing


def _write(scene: Scene) -> str:
    chance = scene.rng.random()
    if chance < 0.13:
        return _blank(scene)
    if chance < 0.17:
        sentences = [_filler(scene, "report") for _ in range(scene.rng.randint(2, 5))]
        return _join(scene, sentences)
    if chance < 0.36:
        return _statement(scene)
    if chance < 0.43:
        return _briefing(scene)
    return _news(scene)


def _filler(scene: Scene, *names: str) -> str:
    """A sentence without a commitment from one of the sections."""
    scene.used.clear()
    section = lexicon.FILLERS[scene.rng.choice(names)]
    return scene.fill(scene.rng.choice(section))


def _join(scene: Scene, sentences: list[str]) -> str:
    """One paragraph, or some paragraphs as news sets them."""
    rng = scene.rng
    breaks = 0.6 if rng.random() < 0.25 else 0.0
    text = sentences[0]
    for sentence in sentences[1:]:
        ended = re.search(rf"[.?!]”?{markup.CLOSE}*$", text) is not None
        text += ("\n" if not ended or rng.random() < breaks else " ") + sentence
    return text


def _blank(scene: Scene) -> str:
    """Weather, prices, navigation: nothing to extract."""
    names = ("blank", "blank", "statement-blank") if scene.rng.random() < 0.2 else ("blank",)
    sentences = [_filler(scene, *names) for _ in range(scene.rng.randint(2, 6))]
    return _join(scene, sentences)


def _news(scene: Scene) -> str:
    rng = scene.rng
    count = 0 if rng.random() < 0.2 else rng.choice((1, 1, 1, 2, 2, 2, 3, 3, 4))
    sentences: list[str] = []
    if rng.random() < 0.12:
        sentences.append(_headline(scene, count))
    body: list[str] = []
    while count > 0:
        text, told = _commitment(scene)
        body.append(text)
        count -= told
    fillers = rng.choice((2, 3, 3, 4)) if not body else rng.choice((0, 1, 1, 2, 2, 3))
    for _ in range(fillers):
        kinds = ("news", "news", "news", "lasting", "blank")
        body.insert(rng.randint(0, len(body)), _filler(scene, *kinds))
    if rng.random() < 0.25:
        body.insert(rng.randint(0, len(body)), disputes.sentence(scene))
    if rng.random() < 0.1:
        body[0] = _dateline(scene) + markup.capitalise(body[0])
    return _join(scene, sentences + body)


def _commitment(scene: Scene) -> tuple[str, int]:
    """One to three sentences that tell commitments, a pronoun's one right after its antecedent."""
    rng = scene.rng
    chance = rng.random()
    section = "multi" if chance < 0.2 else "noun" if chance < 0.34 else "clash" if chance < 0.4 else "news"
    frame = _balanced(rng) if section == "news" else rng.choice(lexicon.FRAMES[section])
    text, actor = commitments.sentence(scene, frame)
    told = 1
    while actor is not None and section == "news" and told < 3 and rng.random() < 0.35:
        after, _ = _follow(scene, actor)
        text += f" {after}"
        told += 1
    return text, told


def _balanced(rng: random.Random) -> lexicon.Frame:
    """A frame of news; its status is drawn first, so that rare ones are learnt too."""
    status = rng.choices(
        ("pledged", "signed", "offered", "proposed", "requested", "refused", "dropped"),
        (34, 9, 15, 14, 14, 10, 4),
    )[0]
    pool = [frame for frame in lexicon.FRAMES["news"] if frame.records[0][0] == status]
    return rng.choice(pool)


def _follow(scene: Scene, actor: Actor) -> tuple[str, Actor | None]:
    section = "follow_person" if actor.person else "follow_state"
    return commitments.sentence(scene, scene.rng.choice(lexicon.FRAMES[section]), actor)


def _headline(scene: Scene, count: int) -> str:
    if count and scene.rng.random() < 0.5:
        return commitments.sentence(scene, scene.rng.choice(lexicon.FRAMES["headline"]))[0]
    return _filler(scene, "headline")


def _dateline(scene: Scene) -> str:
    rng = scene.rng
    city = scene.city()
    form = rng.choice(("{} ({}) — ", "{} — ", "{}, {} — ", "{} ({}) – ", "{} - "))
    month, day = rng.choice(lexicon.WORDS["month"]), rng.randint(1, 28)
    return form.format(city.upper(), f"{day} {month}" if "," in form else rng.choice(_AGENCIES))


def _statement(scene: Scene) -> str:
    """Joint statement, readout or fact sheet; the latter sometimes with bullets."""
    rng = scene.rng
    told = 0 if rng.random() < 0.25 else rng.choice((1, 1, 2, 2, 3))
    frames = lexicon.FRAMES["statement"]
    body = [commitments.sentence(scene, rng.choice(frames))[0] for _ in range(told)]
    kinds = ("statement", "statement", "statement-blank")
    for _ in range(rng.choice((1, 2, 2, 3)) if told else rng.choice((2, 3, 4))):
        body.insert(rng.randint(0, len(body)), _filler(scene, *kinds))
    intro = [_filler(scene, "intro")] if rng.random() < 0.2 else []
    if told > 1 and rng.random() < 0.35:
        bullet = rng.choice(("-   ", "- ", "• "))
        return "\n".join(intro + [bullet + markup.capitalise(sentence) for sentence in body])
    return _join(scene, intro + body)


def _briefing(scene: Scene) -> str:
    """Question and answer, the answer often in the first person."""
    rng = scene.rng
    name, surname, female = people.invented(scene, None)
    form = rng.choice(("{}", "{}", "MS. {}" if female else "MR. {}"))
    marked, span = scene.mention(name, surname.upper(), "person")
    # The later turns of the same speaker are mentions of the same participant.
    local = Local(values={"SN": form.format(marked)}, spans={"S": [span]})
    lines: list[str] = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        if rng.random() < 0.75:
            lines.append(_filler(scene, "question"))
        scene.used.clear()
        if rng.random() < 0.6:
            frame = rng.choice(lexicon.FRAMES["briefing"])
            lines.append(commitments.sentence(scene, frame, speaker=local)[0])
        else:
            answer = scene.rng.choice(lexicon.FILLERS["answer"])
            lines.append(scene.fill(answer, Local(values=dict(local.values))))
        local.values["SN"] = form.format(surname.upper())
    return "\n".join(lines)


def _style(rng: random.Random, text: str) -> str:
    """Typographic habits: dashes, straight or curly quotes and apostrophes."""
    if "—" in text and rng.random() < 0.4:
        text = text.replace(" — ", rng.choice((" – ", "—", " - ")))
    if rng.random() < 0.5:
        return text.replace("'", "’")
    return text.replace("’", "'").replace("“", '"').replace("”", '"')


# -- labels


def _row(scene: Scene, text: str, spans: dict[int, tuple[int, int]]) -> Row:
    """The records of the scene as quotes of ``text``, each list in the order of the text."""

    def quote(number: int | None) -> str | None:
        return text[slice(*spans[number])] if number in spans else None

    def start(number: int) -> int:
        return spans[number][0]

    told = sorted(
        (record for record in scene.commitments if record["action"] in spans),
        key=lambda record: start(record["action"]),
    )
    return {
        "text": text,
        "commitments": [
            {
                "actors": [quote(number) for number in record["actors"]],
                "action": quote(record["action"]),
                **{name: quote(record[name]) for name in ("beneficiary", "condition", "duration", "speaker")},
                "status": record["status"],
                "category": record["category"],
            }
            for record in told
        ],
        "participants": _participants(scene, spans, quote),
        "durations": [
            {
                "text": quote(number),
                "applies_to": quote(applies[0]) if applies else None,
                "modality": modality,
            }
            for number, applies, modality in sorted(
                (found for found in scene.durations if found[0] in spans),
                key=lambda found: start(found[0]),
            )
        ],
        "disputes": [
            {
                "parties": [quote(number) for number in sorted(parties, key=start)],
                "issue": quote(issue),
                "stances": [
                    {"party": quote(party), "stance": quote(stance)}
                    for party, stance in sorted(stances, key=lambda pair: start(pair[1]))
                ],
                "state": state,
            }
            for parties, issue, stances, state in sorted(scene.disputes, key=lambda found: start(found[0][0]))
        ],
    }


def _participants(scene: Scene, spans: dict[int, tuple[int, int]], quote: Any) -> list[Row]:
    """Every entity once, under its longest name, ordered by where that name stands."""
    found = []
    for entity in scene.entities.values():
        names = [number for number in entity.names if number in spans]
        names = names or [number for number in entity.weak if number in spans]
        if not names:
            continue
        best = max(names, key=lambda number: (spans[number][1] - spans[number][0], -spans[number][0]))
        found.append((spans[best][0], best, entity))
    found.sort(key=lambda item: item[0])
    rows, seen = [], set()
    for _, number, entity in found:
        name = quote(number)
        if name.lower() not in seen:
            seen.add(name.lower())
            rows.append(
                {
                    "name": name,
                    "kind": entity.kind,
                    "title": quote(entity.title),
                    "represents": quote(entity.represents),
                }
            )
    return rows
