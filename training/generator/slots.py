"""The slots that templates may use beside the word lists.

A slot function gets the scene, the bindings of its sentence and the text after ":" in the slot,
which names the span under which a record finds what was filled in (``{st:X}``).
"""

from __future__ import annotations

from collections.abc import Callable

from training.generator import durations, inflect, lexicon, people
from training.generator.scene import SLOTS, Local, Scene

SlotFunction = Callable[[Scene, Local, str], str]


def slot(name: str) -> Callable[[SlotFunction], SlotFunction]:
    """Register a function as the filler of ``{name}``."""

    def register(function: SlotFunction) -> SlotFunction:
        SLOTS[name] = function
        return function

    return register


def _bind(local: Local, key: str, mention: tuple[str, int]) -> str:
    if key:
        local.spans.setdefault(key, []).append(mention[1])
    return mention[0]


@slot("st")
def _state(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.state(scene.pick()))


@slot("sn")
def _state_by_name(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.state(scene.pick(), 0))


@slot("X")
def _other_side(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.state(scene.pick(0.3)))


@slot("og")
def _organisation(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.organisation())


@slot("io")
def _international(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.international())


@slot("body")
def _literal_body(scene: Scene, local: Local, text: str) -> str:
    """An organisation by the words after ":"."""
    return scene.mention(text.lower(), text, "organisation")[0]


@slot("grp")
def _literal_participants(scene: Scene, local: Local, text: str) -> str:
    """A group by the words after ":"."""
    return scene.mention(text.lower(), text, "group")[0]


@slot("gr")
def _group(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.group())


@slot("rebels")
def _rebels(scene: Scene, local: Local, key: str) -> str:
    return _bind(local, key, scene.rebels())


@slot("F")
def _focus(scene: Scene, local: Local, key: str) -> str:
    return scene.surface(scene.focus)


@slot("Fb")
def _focus_bare(scene: Scene, local: Local, key: str) -> str:
    """The focus country without its article, for use inside a name."""
    return scene.surface(scene.focus).removeprefix("the ")


@slot("dirF")
def _focus_part(scene: Scene, local: Local, key: str) -> str:
    name, direction = scene.surface(scene.focus), scene.rng.choice(lexicon.WORDS["dir"])
    bare = name.removeprefix("the ")
    return f"the {direction} {bare}" if bare != name else f"{direction} {name}"


@slot("loc")
def _location(scene: Scene, local: Local, key: str) -> str:
    """A country as a mere place, which takes no part."""
    return scene.surface(scene.pick(0.5))


@slot("adj")
def _adjective(scene: Scene, local: Local, key: str) -> str:
    return scene.adjective(scene.pick(0.1))


@slot("year")
def _year(scene: Scene, local: Local, key: str) -> str:
    return str(scene.rng.randint(2025, 2040))


@slot("pastyear")
def _past_year(scene: Scene, local: Local, key: str) -> str:
    return str(scene.rng.randint(1991, 2024))


@slot("daynum")
def _day_number(scene: Scene, local: Local, key: str) -> str:
    return str(scene.rng.randint(1, 28))


@slot("pn")
def _small_number(scene: Scene, local: Local, key: str) -> str:
    return str(scene.rng.randint(2, 59))


@slot("dg")
def _digit(scene: Scene, local: Local, key: str) -> str:
    return str(scene.rng.randint(1, 9))


@slot("PP")
def _person(scene: Scene, local: Local, key: str) -> str:
    person = people.anyone(scene)
    people.bind(local, person, key or "P")
    return person.text


@slot("PB")
def _civilian(scene: Scene, local: Local, key: str) -> str:
    person = people.bare(scene)
    people.bind(local, person, key or "B")
    return person.text


@slot("PBs")
def _surname(scene: Scene, local: Local, key: str) -> str:
    """A person under the surname alone, after a title that the template writes."""
    _, surname, _ = people.invented(scene, None)
    marked, _ = scene.mention(surname, surname, "person")
    titles = local.spans.get("T")
    scene.entities[surname].title = titles[0] if titles else None
    return marked


@slot("done")
def _deed(scene: Scene, local: Local, key: str) -> str:
    """A deed of the past: what a promise would be in another tense, and so none."""
    return _unlabelled(scene, inflect.past)


@slot("do")
def _deed_base(scene: Scene, local: Local, key: str) -> str:
    return _unlabelled(scene, str)


@slot("doing")
def _deed_gerund(scene: Scene, local: Local, key: str) -> str:
    return _unlabelled(scene, inflect.gerund)


def _unlabelled(scene: Scene, form: Callable[[str], str]) -> str:
    action = scene.rng.choice(lexicon.ACTIONS)
    local = Local()
    local.values["its"] = "its"
    local.values["ben"] = lambda argument: scene.state(scene.pick(0.5), 0)[0]
    local.values["ben_s"] = lambda argument: f"{scene.state(scene.pick(0.5), 0)[0]}'s"
    local.values["ben_a"] = lambda argument: scene.adjective(scene.focus)
    text = f"{form(action.verb)} {action.object} {action.tail}"
    return scene.fill(text.rstrip(), local)


@slot("who")
def _literal_group(scene: Scene, local: Local, text: str) -> str:
    """A group by the words after ":", as the actor of the sentence."""
    return _bind(local, "A", scene.mention(text.lower(), text, "group"))


def _drawn(name: str, words: str, chance: float) -> None:
    """Register a slot that is filled from a list of words, but not always."""

    @slot(name)
    def _fill(scene: Scene, local: Local, key: str) -> str:
        if scene.rng.random() >= chance:
            return ""
        return scene.fill(scene.rng.choice(lexicon.WORDS[words]))


_drawn("t", "time", 0.4)


def _duration_slots() -> None:
    """Register {el:w}, {eadj:w} and their like: measure or adjective, for each modality."""

    def register(name: str, modality: str, units: tuple[str, ...] | None) -> None:
        @slot(name)
        def _fill(scene: Scene, local: Local, key: str) -> str:
            if units is None:
                text = durations.plain(scene, modality == "elapsed")
            else:
                text = durations.adjective(scene, units)
            return durations.record(scene, text, modality, local, key)[0]

    for letter, modality in zip("egpr", ("elapsed", "agreed", "proposed", "requested"), strict=True):
        register(f"{letter}l", modality, None)
        register(f"{letter}adj", modality, ("year", "year", "month", "week", "day"))
        register(f"{letter}truce", modality, ("hour", "day", "week", "month"))


_duration_slots()


@slot("hours")
def _hours(scene: Scene, local: Local, key: str) -> str:
    """A short time gone by, as meetings take it."""
    return durations.record(scene, durations.short(scene), "elapsed", local, key)[0]


@slot("nth")
def _nth(scene: Scene, local: Local, key: str) -> str:
    """ "fourth year": a war that goes on is in it."""
    return durations.record(scene, durations.ordinal(scene), "elapsed", local, key)[0]
