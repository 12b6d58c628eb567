"""Persons: invented names of many cultures, some real leaders, and how news introduces them."""

from __future__ import annotations

from dataclasses import dataclass

from training.generator import lexicon
from training.generator.lexicon import State
from training.generator.scene import Local, Scene


@dataclass(frozen=True, slots=True)
class Person:
    """A person as introduced: the marked text and what later sentences need to refer back."""

    text: str
    span: int
    key: str
    surname: str
    female: bool
    state: State | None

    @property
    def he(self) -> str:
        """The subject pronoun."""
        return "she" if self.female else "he"

    @property
    def his(self) -> str:
        """The possessive pronoun."""
        return "her" if self.female else "his"


def invented(scene: Scene, state: State | None) -> tuple[str, str, bool]:
    """Full name, surname and sex of somebody, mostly of the culture of ``state``."""
    rng = scene.rng
    culture = state.culture if state and rng.random() < 0.75 else rng.choice(lexicon.CULTURES)
    males, females, surnames = lexicon.NAMES[culture]
    female = rng.random() < 0.42
    first, last = rng.choice(females if female else males), rng.choice(surnames)
    chance = rng.random()
    if chance < 0.05:
        first += f" {rng.choice('ABCDEFGHJKLMNPRSTVW')}."
    elif chance < 0.12 and culture in "i w se":
        last += f" {rng.choice(surnames)}"
    elif chance < 0.15:
        first += f"-{rng.choice(females if female else males)}"
    return f"{first} {last}", last, female


def _title(scene: Scene, section: str, female: bool) -> str:
    title = scene.rng.choice(lexicon.TITLES[section])
    if not female:
        return title.replace("spokeswoman", "spokesman")
    return "Queen" if title == "King" else title.replace("spokesman", "spokeswoman")


def bare(scene: Scene, state: State | None = None) -> Person:
    """Somebody with nothing but a name."""
    name, surname, female = invented(scene, state)
    marked, span = scene.mention(name, name, "person")
    return Person(marked, span, name, surname, female, state)


def official(scene: Scene, state: State, leading: bool = False) -> Person:
    """Somebody who speaks for ``state``; ``leading``: without a trailing apposition."""
    rng = scene.rng
    real = [leader for leader in lexicon.LEADERS if leader.state == state.key]
    leader = rng.choice(real) if real and rng.random() < 0.35 else None
    if leader:
        name, surname, female = leader.name, leader.surname, leader.female
        title = leader.title
    else:
        name, surname, female = invented(scene, state)
        title = _title(scene, "heads", female)
    known = name in scene.entities
    marked, span = scene.mention(name, name, "person")
    entity = scene.entities[name]
    if known:
        return Person(marked, span, name, surname, female, state)
    demonym, adjective_span = scene.marker.mark(scene.adjective(state))
    country, country_span = scene.marker.mark(scene.surface(state))
    low = title.lower().replace("europe", "Europe")
    spokes = _title(scene, "spokes", female)
    kind = rng.choices(range(8), (34, 12, 10, 8, 8, 6, 12, 10))[0]
    if leading and kind in (3, 4, 6):
        kind = 0
    if leader and kind in (5, 6):
        # They hold the office that the list gives them and no other.
        kind = 0

    def titled(text: str, stands_for: int | None) -> str:
        marked_title, entity.title = scene.marker.mark(text)
        entity.represents = stands_for
        return marked_title

    match kind:
        case 0:
            text = f"{demonym} {titled(title, adjective_span)} {marked}"
        case 1:
            text = f"{country}'s {titled(title, country_span)} {marked}"
        case 2:
            text = f"{country}'s {titled(low, country_span)}, {marked},"
        case 3:
            text = f"{marked}, the {demonym} {titled(low, adjective_span)},"
        case 4:
            text = f"{marked}, {country}'s {titled(low, country_span)},"
        case 5:
            text = f"{demonym} {titled(spokes, adjective_span)} {marked}"
        case 6:
            text = f"{marked}, a {titled(spokes, country_span)} of {country},"
            if "ministry" in spokes or "government" in spokes or "army" in spokes:
                text = f"{marked}, a {demonym} {titled(spokes, adjective_span)},"
        case _:
            text = f"{titled(title, None)} {marked}"
            if title in ("President", "Prime Minister", "Foreign Minister") and rng.random() < 0.4:
                text += f" of {country}"
                entity.represents = country_span
    if not leading and text[-1] != "," and rng.random() < 0.1:
        text += f", {scene.fill(rng.choice(lexicon.WORDS['who_clause']))},"
    return Person(text, span, name, surname, female, state)


def functionary(scene: Scene) -> Person:
    """Somebody who speaks for an organisation, which the passage need not name otherwise."""
    rng = scene.rng
    body = rng.choice(rng.choice(lexicon.ORGANISATIONS))
    name, surname, female = invented(scene, None)
    marked, span = scene.mention(name, name, "person")
    title, entity = _title(scene, "functions", female), scene.entities[name]
    title_marked, entity.title = scene.marker.mark(title)
    short, short_span = scene.marker.mark(body.removeprefix("the "))
    full, full_span = scene.marker.mark(body)
    chance = rng.random()
    entity.represents = short_span if chance < 0.6 else full_span
    article = "a" if "spokes" in title or "envoy" in title else "the"
    if chance < 0.6:
        text = f"{short} {title_marked} {marked}"
    elif chance < 0.8:
        text = f"{marked}, {article} {title_marked} of {full},"
    else:
        text = f"{marked}, {full}'s {title_marked},"
    return Person(text, span, name, surname, female, None)


def anyone(scene: Scene, focus: float = 0.3) -> Person:
    """An official of some state, or now and then of an organisation."""
    if scene.rng.random() < 0.82:
        return official(scene, scene.pick(focus))
    return functionary(scene)


def bind(local: Local, person: Person, key: str) -> None:
    """Make ``person`` and the pronouns for them available to a template under ``key``."""
    local.values[key] = person.text
    local.values[f"{key}it"] = person.he
    local.values[f"{key}his"] = person.his
    local.values[f"{key}him"] = "her" if person.female else "him"
    local.values[f"{key}sur"] = person.surname
    local.spans[key] = [person.span]
