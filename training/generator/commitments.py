"""Sentences that tell commitments, with their records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.generator import durations, inflect, lexicon, people
from training.generator.lexicon import Action, Frame
from training.generator.markup import CLOSE
from training.generator.people import Person
from training.generator.scene import Local, Scene

MODALITY = {"signed": "agreed", "pledged": "agreed", "requested": "requested"}


@dataclass(slots=True)
class Actor:
    """Who would act: the text, its spans, and the words that agree with it."""

    text: str
    spans: list[int]
    plural: bool
    single_state: str | None = None
    # The span of the whole enumeration, when there is one: who "they" are that say something.
    whole: int | None = None
    person: Person | None = None
    its: str = field(init=False)

    def __post_init__(self) -> None:
        self.its = "their" if self.plural else "its"


def _actor(scene: Scene, relative: bool) -> Actor:
    """Any actor; ``relative``: it may bring a relative clause or be an enumeration."""
    rng = scene.rng
    chance = rng.random() if relative else rng.uniform(0.17, 1)
    if chance < 0.17:
        mentions = [scene.state(scene.pick(0), 0.08) for _ in range(rng.choice((2, 2, 2, 3, 3, 4)))]
        comma = "," if len(mentions) > 2 and rng.random() < 0.25 else ""
        text = ", ".join(text for text, _ in mentions[:-1]) + f"{comma} and {mentions[-1][0]}"
        text, whole = scene.marker.mark(text)
        return Actor(text, [span for _, span in mentions], True, whole=whole)
    if chance < 0.30:
        text, span = scene.group()
        return Actor(text, [span], True)
    if chance < 0.46:
        text, span = scene.organisation()
    elif chance < 0.50:
        text, span = scene.rebels()
    else:
        state = scene.pick(0.05)
        text, span = scene.state(state)
        if relative and rng.random() < 0.1:
            clause = scene.fill(rng.choice(lexicon.WORDS["relative"]))
            text = f"{text}, which {clause}," if rng.random() < 0.75 else f"{text} — which {clause} —"
        return Actor(text, [span], False, single_state=state.key)
    return Actor(text, [span], False)


def _speaker(scene: Scene, actor: Actor | None) -> tuple[str, int]:
    """Somebody who speaks for the actor: a person, a ministry, unnamed officials."""
    rng = scene.rng
    state = lexicon.STATES[actor.single_state] if actor and actor.single_state and rng.random() < 0.8 else scene.pick()
    chance = rng.random()
    if chance < 0.55:
        person = people.official(scene, state)
        return person.text, person.span
    if chance < 0.68:
        person = people.functionary(scene)
        return person.text, person.span
    if chance < 0.80:
        return scene.represented("ministries", "organisation", state)
    words = lexicon.WORDS["role"] if chance < 0.9 else lexicon.WORDS["officials"]
    local = Local(values={"st0": scene.surface(state), "adj": scene.adjective(state)})
    return scene.marker.mark(scene.fill(rng.choice(words), local))


def _asker(scene: Scene) -> tuple[str, int]:
    chance = scene.rng.random()
    if chance < 0.55:
        return scene.state(scene.pick(0.4))
    if chance < 0.72:
        return scene.organisation()
    if chance < 0.9:
        person = people.official(scene, scene.pick(0.4), leading=True)
        return person.text, person.span
    return scene.rebels()


@dataclass(slots=True)
class _Sentence:
    """The parts of one sentence that its records need."""

    scene: Scene
    frame: Frame
    local: Local = field(default_factory=Local)
    actions: list[dict[str, Any]] = field(default_factory=list)
    its: str = "its"

    def put(self, key: str, text: str, spans: list[int]) -> None:
        self.local.values[key] = text
        self.local.spans[key] = spans

    def cast(self, antecedent: Actor | None) -> Actor | None:
        """Draw everyone whom the template names; return who a next sentence may refer to."""
        scene, names = self.scene, lexicon.slots(self.frame.template)
        actor = antecedent
        if "A" in names or "As" in names:
            actor = self._cast_actor(names)
        if "A2" in names:
            second = scene.state(scene.pick(0.05)) if scene.rng.random() < 0.8 else scene.organisation()
            self.put("A2", second[0], [second[1]])
        if antecedent is not None and "[A:" not in self.frame.template:
            self.local.spans["A"] = antecedent.spans
        for key in ("P", "P2"):
            if key in names:
                person = people.official(scene, scene.pick(0), leading="P2" in names)
                people.bind(self.local, person, key)
                if key == "P":
                    actor = Actor(person.text, [person.span], False, person=person)
                    own = "[A:" not in self.frame.template and "P2" not in names
                    actor.its = f"{person.his} country's" if own else "its"
        if antecedent is not None and antecedent.person is not None:
            self._refer(antecedent.person, names)
        if actor is not None:
            self._agree(actor)
        if "who" in names:
            self.its = "their"
        if "S" in names:
            text, span = _speaker(scene, actor if "A" in names else None)
            self.put("S", text, [span])
        if "Q" in names:
            text, span = _asker(scene)
            self.put("Q", text, [span])
        if "BEN" in names:
            text, span = scene.state(scene.pick(0.6), 0.05)
            self.put("BEN", text, [span])
        return actor

    def _cast_actor(self, names: frozenset[str]) -> Actor:
        scene = self.scene
        if "As" in names:
            text, span = scene.state(scene.pick(0.05)) if scene.rng.random() < 0.8 else scene.organisation()
            self.put("A", text, [span])
            self.local.values["As"] = f"{text}'s"
            return Actor(text, [span], False)
        actor = _actor(scene, relative="A2" not in names and self.frame.dispute is None)
        if actor.whole is not None:
            self.local.spans["whole"] = [actor.whole]
        self.put("A", actor.text, actor.spans)
        return actor

    def _refer(self, person: Person, names: frozenset[str]) -> None:
        """Bind the pronouns and the surname of a person of the sentence before."""
        people.bind(self.local, person, "P")
        if "Psur" in names:
            marked, span = self.scene.marker.mark(person.surname)
            self.scene.entities[person.key].weak.append(span)
            self.local.values["Psur"] = marked
            self.local.spans["P"] = [span]

    def _agree(self, actor: Actor) -> None:
        values = self.local.values
        self.its = actor.its
        pronoun = actor.person.he if actor.person else "they" if actor.plural else "it"
        values["it"] = pronoun
        values["itobj"] = {"they": "them", "he": "him", "she": "her"}.get(pronoun, "it")
        values["itself"] = {"they": "themselves", "he": "himself", "she": "herself"}.get(pronoun, "itself")
        values["its"] = actor.person.his if actor.person else actor.its
        values["has"] = "have" if actor.plural else "has"
        values["is"] = "are" if actor.plural else "is"
        values["v"] = str if actor.plural else inflect.present

    def act(self, number: str) -> None:
        """Draw one action with its duration, in the form that the template asks for."""
        names = lexicon.slots(self.frame.template)
        form = next(name for name in ("b", "g", "n", "wb", "wg", "N", "M") if name + number in names)
        status = self.frame.records[int(number or 1) - 1][0]
        record: dict[str, Any] = {"duration": None, "condition": None}
        if form in "NM":
            text = self._nominal(record, form == "M")
        else:
            text = self._verbal(record, form, number, status)
        self.local.values[form + number] = text
        self.actions.append(record)

    def _nominal(self, record: dict[str, Any], leads: bool) -> str:
        """A thing such as a mission, with its article; ``leads``: the actor heads it."""
        scene, given = self.scene, self.local.spans.get("BEN")
        while True:
            category, flags, noun = scene.rng.choice(lexicon.NOUN_ACTIONS)
            if (not leads or "l" in flags) and not (given and "{ben" in noun):
                break
        inner = Local()
        self._benefit(inner)
        text, span = scene.marker.mark(scene.fill(noun, inner))
        beneficiary = inner.spans.get("ben") or given
        record.update(action=span, category=category, beneficiary=beneficiary)
        self.local.values["d"] = ""
        return text if "p" in flags else f"a {text}"

    def _verbal(self, record: dict[str, Any], form: str, number: str, status: str) -> str:
        scene, rng = self.scene, self.scene.rng
        names = lexicon.slots(self.frame.template)
        given = "BEN" in names
        public = self.frame.section in ("statement", "briefing") and rng.random() < 0.65
        pool = lexicon.PROGRAMMES if public else lexicon.ACTIONS
        while True:
            action: Action = rng.choice(pool)
            if not (given and action.benefits) and not (form == "n" and not action.noun):
                break
        inner = Local()
        self._benefit(inner)
        inner.values["its"] = "our" if form[0] == "w" else self.its
        head = {"g": inflect.gerund(action.verb), "n": f"{action.noun} of"}.get(form[-1], action.verb)
        opening, applies = scene.marker.open()
        core = opening + scene.fill(f"{head} {action.object}", inner) + CLOSE
        end = scene.fill(f" {action.tail}", inner) if action.tail else ""
        text, span = scene.marker.mark(core + end)
        beneficiary = inner.spans.get("ben") or (self.local.spans.get("BEN") if given else None)
        record.update(action=span, category=action.category, beneficiary=beneficiary)
        key = f"d{number}"
        self.local.values[key] = ""
        if key in names and rng.random() < (0.28 if action.lasts else 0.07):
            modality = MODALITY.get(status, "proposed")
            self.local.values[key], record["duration"] = durations.tail(scene, modality, action.lasts, [applies])
        return text

    def _benefit(self, inner: Local) -> None:
        scene, rng = self.scene, self.scene.rng

        def beneficiary(argument: str) -> str:
            chance = rng.random()
            if chance < 0.5 and scene.focus.key not in scene.used:
                scene.used.add(scene.focus.key)
                text, span = scene.state(scene.focus, 0.05)
            elif chance < 0.88:
                text, span = scene.state(scene.pick(0.4), 0.04)
            else:
                text, span = scene.represented("recipients", "group", scene.focus)
            inner.spans["ben"] = [span]
            return text

        inner.values["ben"] = beneficiary
        inner.values["ben_s"] = lambda argument: f"{beneficiary(argument)}'s"
        inner.values["ben_a"] = lambda argument: scene.adjective(scene.focus)

    def condition(self, slot: str) -> str:
        """A condition with its connective, marked; ``C`` stands at the front, ``c`` is optional."""
        scene, rng = self.scene, self.scene.rng
        if slot[0] == "c" and rng.random() > 0.3:
            return ""
        while True:
            template = rng.choice(lexicon.CONDITIONS)
            if slot[0] == "c" or template[0] != "*":
                break
        comma = template.lstrip("*")[0] == ","
        marked, span = scene.marker.mark(scene.fill(template.lstrip("*,")))
        number = int(slot[1:] or 1) - 1
        self.actions[number]["condition"] = span
        if slot[0] == "C":
            return marked
        return f"{', ' if comma or rng.random() < 0.06 else ' '}{marked}"

    def optional(self, names: frozenset[str]) -> None:
        """The parts that any sentence may or may not have: lead, time, attribution, aside."""
        scene, rng, values = self.scene, self.scene.rng, self.local.values
        for slot, words, chance in (
            ("t", "time", 0.4), ("L", "lead", 0.4), ("x", "aside", 0.3), ("z", "attribution", 0.35)
        ):  # fmt: skip
            if slot in names:
                drawn = rng.random() < chance
                values[slot] = scene.fill(rng.choice(lexicon.WORDS[words]), self.local) if drawn else ""
        if "O" in names:
            text, span = scene.marker.mark(scene.fill(rng.choice(lexicon.WORDS["source"])))
            self.put("O", text, [span])

    def records(self) -> None:
        """Hand the scene one record for each commitment, and the dispute if there is one."""
        spans = self.local.spans
        for (status, actor, speaker), record in zip(self.frame.records, self.actions, strict=True):
            if speaker == "-" and "Z" in spans:
                speaker = "Z"
            elif speaker == "A" and "whole" in spans:
                speaker = "whole"
            actors = [span for key in actor.split("+") for span in spans[key]]
            record.update(status=status, actors=actors, speaker=None if speaker == "-" else spans[speaker][0])
            beneficiary = record["beneficiary"]
            record["beneficiary"] = beneficiary[0] if isinstance(beneficiary, list) else None
            self.scene.commitments.append(record)
        if self.frame.dispute:
            sides, state = self.frame.dispute
            parties = [span for key in sides.split("+") for span in spans[key]]
            stances: list[tuple[int | None, int]] = [
                (spans[key][0], span) for key in sides.split("+") for span in spans.get(f"s{key}", ())
            ]
            self.scene.disputes.append((parties, spans["i"][0], stances, state))


def sentence(
    scene: Scene, frame: Frame, antecedent: Actor | None = None, speaker: Local | None = None
) -> tuple[str, Actor | None]:
    """A sentence after ``frame``; also who "it" or "he" in the next one would be.

    ``antecedent`` is what the pronouns of the frame refer to, ``speaker`` binds who speaks in a
    briefing.
    """
    scene.used.clear()
    parts = _Sentence(scene, frame)
    if speaker is not None:
        parts.local.values.update(speaker.values)
        parts.local.spans.update({key: list(spans) for key, spans in speaker.spans.items()})
    actor = parts.cast(antecedent)
    names = lexicon.slots(frame.template)
    for number in range(len(frame.records)):
        parts.act(str(number + 1) if number else "")
    for slot in ("C", "c", "c2"):
        if slot in names:
            parts.local.values[slot] = parts.condition(slot)
    parts.optional(names)
    text = scene.fill(frame.template, parts.local)
    parts.records()
    clear = len(names & {"Q", "S", "A2", "P2", "BEN"}) == 0
    return text, actor if clear else None
