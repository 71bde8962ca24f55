"""Acts on team answers: writing, renaming and withdrawing one, changing it into a new version, using a version in a packet."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.actors import a_person
from accounts.models import Person, Team
from ledger.canonical import sha256
from registry import entries
from registry.actions import to_fill, write_section
from registry.contents import content_of
from registry.models import Packet, SectionState, TeamAnswer, TeamAnswerVersion
from registry.models.answers import LONGEST, MOST_REASON, settled
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
    name, text = _named(name), _checked(text)
    answer = TeamAnswer(team=team, slug=slugify(name)[:80], name=name, created_at=clock.now())
    _may_write(answer, by)
    try:
        with transaction.atomic():
            answer.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_taken(answer)) from error
    _version(answer, 1, text, by)
    return answer


@transaction.atomic
def rename_answer(*, answer: TeamAnswer, name: str, seen: str, by: Person) -> TeamAnswer:
    """Call the answer something else. Its slug stays, and so does what packets say of it. The same name changes nothing.

    `seen` is the name that the change was made from: Conflict where it has another one now, or another answer has `name`.
    """
    name = _named(name)
    answer = _to_change(answer, by)
    if answer.name != seen:
        raise Conflict(f"Somebody renamed this answer after you opened it. It is called {answer.name} now.")
    if name == answer.name:
        return answer
    answer.name = name
    try:
        with transaction.atomic():
            answer.save(update_fields=["name"])
    except IntegrityError as error:
        raise Conflict(_taken(answer)) from error
    said = entries.TeamAnswerRenamed(**_which(answer), name_sha256=sha256(name.encode()))
    record("system", said, by=by)
    return answer


@transaction.atomic
def withdraw_answer(*, answer: TeamAnswer, reason: str, seen: int, by: Person) -> TeamAnswer:
    """Withdraw the answer: packets are offered it no more, and drafts that use it say so. Nothing is deleted.

    `seen` is the number of the version that was read: Conflict where there is a newer one, or it is withdrawn already.
    """
    a_person(by, "withdraws a team's answer, or takes one back")
    reason = _measured(reason, MOST_REASON)
    if not 0 < len(reason) <= MOST_REASON or "\0" in reason:
        raise Invalid(f"Say in a sentence, of at most {MOST_REASON} characters, why it holds no more.")
    answer = _to_change(answer, by)
    newest = _newest_seen(answer, seen)
    answer.withdrawn_at, answer.withdrawn_by, answer.withdrawn_because = clock.now(), by, reason
    answer.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_because"])
    digest = sha256(reason.encode())
    record("system", entries.TeamAnswerWithdrawn(**_which(answer), version=newest.number, reason_sha256=digest), by=by)
    return answer


@transaction.atomic
def take_back_answer(*, answer: TeamAnswer, by: Person) -> TeamAnswer:
    """Take a withdrawn answer back into use, with its versions as they were. Raises Denied, or Conflict where it is in use."""
    a_person(by, "withdraws a team's answer, or takes one back")
    _may_write(answer, by)
    answer = _locked(answer)
    if answer.withdrawn_at is None:
        raise Conflict(f"{answer.name} is in use.")
    answer.withdrawn_at, answer.withdrawn_by, answer.withdrawn_because = None, None, ""
    answer.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_because"])
    record("system", entries.TeamAnswerTakenBack(**_which(answer)), by=by)
    return answer


@transaction.atomic
def change_answer(*, answer: TeamAnswer, text: str, seen: int, by: Person) -> TeamAnswerVersion:
    """Write the answer's next version; the old ones stay, and so does what was signed. The same text again changes nothing.

    `seen` is the number of the version that the change was made from: Conflict where there is a newer one, or the answer
    is withdrawn.
    """
    text = _checked(text)
    answer = _to_change(answer, by)
    newest = _newest_seen(answer, seen)
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
    # As it is now: who withdraws it waits until this has used it, and drafts say so afterwards.
    version.answer = _locked(version.answer)
    if version.answer.withdrawn_at:
        raise Conflict(f"{version.answer} is withdrawn. Use another answer, or write what holds here.")
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
    record("system", entries.TeamAnswerWritten(**_which(answer), version=number, sha256=digest), by=by)
    return version


def _which(answer: TeamAnswer) -> dict[str, str]:
    return {"team": str(answer.team_id), "answer": str(answer.pk), "slug": answer.slug}


def _locked(answer: TeamAnswer) -> TeamAnswer:
    return TeamAnswer.objects.select_for_update(of=("self",)).select_related("team").get(pk=answer.pk)


def _to_change(answer: TeamAnswer, by: Person) -> TeamAnswer:
    _may_write(answer, by)
    answer = _locked(answer)
    if answer.withdrawn_at:
        raise Conflict(f"{answer.name} is withdrawn. Take it back into use first.")
    return answer


def _newest_seen(answer: TeamAnswer, seen: int) -> TeamAnswerVersion:
    newest = answer.newest
    if newest.number != seen:
        raise Conflict(
            f"{newest.written_by.name} changed this answer after you opened it. Read version {newest.number}."
        )
    return newest


def _named(name: str) -> str:
    name = _measured(" ".join(name.split()), 80)
    if not slugify(name) or len(name) > 80 or "\0" in name:
        raise Invalid("Name what is answered in at most 80 characters, for example Escalation.")
    return name


def _taken(answer: TeamAnswer) -> str:
    # By its slug too, which an answer keeps when it is renamed.
    slug, others = slugify(answer.name)[:80], TeamAnswer.objects.filter(team=answer.team_id).exclude(pk=answer.pk)
    other = others.filter(Q(slug=slug) | Q(name__iexact=answer.name)).order_by("created_at").first()
    said = f"{answer.team.name} has an answer {slug} already"
    if other and other.name.lower() != answer.name.lower():
        said += f", which is called {other.name} now"
    if other and other.withdrawn_at:
        return f"{said}. It is withdrawn: take it back into use, or choose another name."
    return f"{said}. Change that one, or choose another name."


def _may_write(answer: TeamAnswer, by: Person) -> None:
    if not answer.editable_by(by):
        raise Denied(f"Only members of {answer.team.name} write its answers. Ask one of them.")


def _measured(text: str, most: int) -> str:
    # Settled; nothing where form C, which takes long for a long text, could not make it as short as it has to be.
    return settled(text) if len(text.strip()) <= 4 * most else ""


def _checked(text: str) -> str:
    text = _measured(text, LONGEST)
    if not 0 < len(text) <= LONGEST or "\0" in text:
        raise Invalid(f"Write the answer in at most {LONGEST} characters.")
    return text


@dataclass(frozen=True)
class Used:
    """A version that a section uses: in which fields, and the newer version, if there is one and it is in use."""

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
    kept = TeamAnswer.objects.in_use().filter(team=packet.agent.team_id)
    rows = TeamAnswerVersion.objects.filter(answer__in=kept).select_related("answer")
    newest = list(rows.order_by("answer__name", "answer_id", "-number").distinct("answer__name", "answer_id"))
    uses = list(packet.answer_uses.filter(section=one.number).select_related("version__answer"))
    places = one.places(packet) if newest or uses else []
    latest = {version.answer_id: version for version in newest}
    used = []
    for use in uses:
        there = saying(places, use.version.text)
        # None where the answer is withdrawn, or the agent has moved to another team since.
        after = latest.get(use.version.answer_id)
        used.append(Used(use.version, there, after if after and after.number > use.version.number else None))
    return Offered(used, newest, places[:MOST_PLACES])
