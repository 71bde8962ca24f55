"""Acts on team answers: writing one, changing it into a new version, and using a version in a packet's section."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.models import Person, Team
from registry import entries
from registry.actions import to_fill, write_section
from registry.contents import content_of
from registry.models import Packet, SectionState, TeamAnswer, TeamAnswerVersion
from registry.models.answers import LONGEST, settled
from registry.proposals import place_in
from registry.sections import Section, section
from registry.sections.base import Place, saying
from work import clock
from work.acts import Conflict, Denied, Invalid, record

MOST_PLACES = 100
"""Fields that a page offers to put an answer into; a section of many cases has thousands."""


@transaction.atomic
def write_answer(*, team: Team, name: str, text: str, by: Person) -> TeamAnswer:
    """Keep an answer for `team`, as version 1. Raises Denied, Invalid, or Conflict for a name that the team has already."""
    name, slug, text = name.strip(), slugify(name)[:80], _checked(text)
    if not slug or len(name) > 80:
        raise Invalid("Name what is answered in at most 80 characters, for example Escalation.")
    answer = TeamAnswer(team=team, slug=slug, name=name, created_at=clock.now())
    _may_write(answer, by)
    try:
        with transaction.atomic():
            answer.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{team.name} has an answer {slug} already. Change that one.") from error
    _version(answer, 1, text, by)
    return answer


@transaction.atomic
def change_answer(*, answer: TeamAnswer, text: str, seen: int, by: Person) -> TeamAnswerVersion:
    """Write the answer's next version; the old ones stay, and so does what was signed. The same text again changes nothing.

    `seen` is the number of the version that the change was made from: Conflict where there is a newer one.
    """
    text = _checked(text)
    _may_write(answer, by)
    answer = TeamAnswer.objects.select_for_update(of=("self",)).select_related("team").get(pk=answer.pk)
    newest = answer.newest
    if newest.number != seen:
        raise Conflict(
            f"{newest.written_by.name} changed this answer after you opened it. Read version {newest.number}."
        )
    if newest.text == text:
        return newest
    return _version(answer, newest.number + 1, text, by)


@transaction.atomic
def use_answer(
    *, packet: Packet, number: int, places: Iterable[str], version: TeamAnswerVersion, by: Person
) -> SectionState:
    """Put a version of an answer of the agent's team into fields of section `number`, which then refers to it.

    `places` are fields as `sheet.field` or `kind of row[0].field`. Saved as a section is.
    """
    packet = to_fill(packet, by)
    if version.answer.team_id != packet.agent.team_id:
        raise Invalid(f"{version.answer} is another team's. {packet.agent} uses the answers of {packet.agent.team}.")
    one = section(number)
    content, known = content_of(one, packet), {place.key: place for place in one.places(packet)}
    wanted = list(places)
    if not wanted:
        raise Invalid("Choose the field that the answer goes into.")
    for key in wanted:
        if key not in known:
            raise Invalid(f"The section has no text field {key} now. Save the row first, then use the answer.")
        if known[key].one_line and "\n" in version.text:
            raise Invalid(f"{known[key].label} holds one line, and {version.answer} has several. Choose another field.")
        part, _, name = key.rpartition(".")
        place_in(content, part, name)[name] = version.text
    return write_section(packet=packet, number=number, content=content, by=by, using=version)


def _version(answer: TeamAnswer, number: int, text: str, by: Person) -> TeamAnswerVersion:
    digest = TeamAnswerVersion.digest(text)
    version = TeamAnswerVersion.objects.create(
        answer=answer, number=number, text=text, sha256=digest, written_by=by, written_at=clock.now()
    )
    said = entries.TeamAnswerWritten(
        team=str(answer.team_id), answer=str(answer.pk), slug=answer.slug, version=number, sha256=digest
    )
    record("system", said, by=by)
    return version


def _may_write(answer: TeamAnswer, by: Person) -> None:
    if not answer.editable_by(by):
        raise Denied(f"Only members of {answer.team.name} write its answers. Ask one of them.")


def _checked(text: str) -> str:
    text = settled(text)
    if not 0 < len(text) <= LONGEST or "\0" in text:
        raise Invalid(f"Write the answer in at most {LONGEST} characters.")
    return text


@dataclass(frozen=True)
class Used:
    """A version that a section uses: in which fields, and the newer version, if there is one."""

    version: TeamAnswerVersion
    places: list[Place]
    newer: TeamAnswerVersion | None


@dataclass(frozen=True)
class Offered:
    """What a section's page shows of team answers: those in use, those that could be, and the fields that could take one."""

    used: list[Used]
    newest: list[TeamAnswerVersion]
    places: list[Place]


def offered(packet: Packet, one: Section) -> Offered:
    """The answers of the packet's team, for the page of one section of an open packet."""
    rows = TeamAnswerVersion.objects.filter(answer__team=packet.agent.team_id).select_related("answer")
    newest = list(rows.order_by("answer__name", "answer_id", "-number").distinct("answer__name", "answer_id"))
    uses = packet.answer_uses.filter(section=one.number).select_related("version__answer")
    places = one.places(packet) if newest else []
    latest = {version.answer_id: version for version in newest}
    used = []
    for use in uses:
        there = saying(places, use.version.text)
        # None where the agent has moved to another team since.
        after = latest.get(use.version.answer_id)
        used.append(Used(use.version, there, after if after and after.number > use.version.number else None))
    return Offered(used, newest, places[:MOST_PLACES])
