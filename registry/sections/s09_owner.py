"""Section 9: a named owner who can say no, and the path for support."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse

from ledger.canonical import dumps, sha256
from registry.demands import of_part
from registry.differences import Difference, differences
from registry.sections.base import PacketSheet, Problem, Section, as_document, line, long_text, stated
from registry.vocabulary import Duty, RiskClass


class SupportPlan(PacketSheet):
    """Who answers, when and how. Owner and deputy themselves are the agent's."""

    authority = long_text("What the owner may decide alone", "An owner who cannot stop it is no owner", 1000)
    support_hours = line("Support hours", "With time zone")
    support_path = line("Support path", "Where people report a bad answer: queue, channel, telephone")
    escalation = long_text("Escalation", "Who is called when, with times", 2000)
    runbook = line("Runbook", "Address of the runbook", 500)


class SupportPlanForm(forms.ModelForm):
    class Meta:
        model = SupportPlan
        fields = ["authority", "support_hours", "support_path", "escalation", "runbook"]


STATEMENTS = {
    Duty.OWNER: "I answer for this agent and for what it does. I may stop it alone, I decide whether it goes on, and I see "
    "to it that the support below is given.",
    Duty.DEPUTY: "I answer for this agent when its owner cannot. I may stop it, I decide in the owner's place, and I know "
    "the support and the escalation below.",
}
WANTED = {
    "authority": "Say what the owner may decide alone.",
    "support_hours": "Give the support hours with their time zone.",
    "support_path": "Say where people report a bad answer.",
    "escalation": "Say who is called when.",
    "runbook": "Give the address of the runbook.",
}


@dataclass(frozen=True)
class Asked:
    """A person who is asked to answer for the agent: in which duty, for which words, and what they said so far."""

    duty: Duty
    person: Any
    digest: str
    """Of section 9's content as it stands: what an acceptance is bound to."""
    given: Any
    """Their acceptance that was not withdrawn, also of other words; None where there is none."""
    required: bool
    content: dict[str, Any]
    """What section 9 says now, without acceptances."""

    @property
    def changes(self) -> list[Difference]:
        """What differs between what was accepted and what the section says now."""
        return differences(self.given.said, self.content) if self.stale else []

    @property
    def statement(self) -> str:
        """The words that are accepted."""
        return STATEMENTS[self.duty]

    @property
    def accepted(self) -> bool:
        """Whether the acceptance counts: it is of what the section says now."""
        return self.given is not None and self.given.digest == self.digest

    @property
    def stale(self) -> bool:
        """Whether something else was accepted than what the section says now."""
        return self.given is not None and not self.accepted

    @property
    def words(self) -> str:
        """What is missing, as a sentence; empty where the acceptance counts."""
        who = f"{self.person.name}, the {self.duty.label.lower()},"
        if self.accepted:
            return ""
        if self.stale:
            return f"This section changed after {who} accepted it. Ask them to read what changed and accept it again."
        return f"{who} has not accepted yet. It takes their click on this section's page."


def asked(agent: Any, content: dict[str, Any], given: Iterable[Any]) -> list[Asked]:
    """Whom the packet's section 9 asks, owner first. `given` are the packet's acceptances that were not withdrawn.

    A minimal risk needs no deputy's word. Who has left is asked nothing: the section says so by itself.
    """
    digest = sha256(dumps(content))
    by = {(one.duty, one.person_id): one for one in given}
    required = {Duty.OWNER: True, Duty.DEPUTY: agent.risk_class != RiskClass.MINIMAL}
    people = {Duty.OWNER: agent.owner, Duty.DEPUTY: agent.deputy}
    return [
        Asked(duty, person, digest, by.get((duty, person.pk)), required[duty], content)
        for duty, person in people.items()
        if person is not None and person.is_active
    ]


def lacking(agent: Any, plan: SupportPlan | None, waived: Collection[str] = ()) -> list[Problem]:
    """What is missing before anybody can accept: people who are there, and what they answer with.

    `waived` are the demands that somebody has said do not apply.
    """
    found = []
    card = reverse("agent_edit", args=[agent.slug]) + "#id_deputy"
    if not agent.owner.is_active:
        hand_over = reverse("agent_handover", args=[agent.slug])
        found.append(
            Problem(
                f"{agent.owner.name}, the owner, has left. The agent has to be handed over.",
                url=hand_over,
                parts=("agent.owner",),
            )
        )
    if agent.deputy is None:
        found.append(
            Problem(
                "Name a deputy on the agent's page: the owner is not always there.", url=card, parts=("agent.deputy",)
            )
        )
    elif not agent.deputy.is_active:
        found.append(
            Problem(
                f"{agent.deputy.name}, the deputy, has left. Name another on the agent's page.",
                url=card,
                parts=("agent.deputy",),
            )
        )
    if plan is None:
        found.append(Problem("Say how the agent is supported.", "id_sheet-authority", parts=("sheet.authority",)))
    else:
        found += [
            Problem(text, f"id_sheet-{name}", parts=(f"sheet.{name}",))
            for name, text in WANTED.items()
            if not getattr(plan, name)
        ]
    return [one for one in found if all(_stands(part, agent, waived) for part in one.parts)]


def _stands(part: str, agent: Any, waived: Collection[str]) -> bool:
    demand = of_part(9, part)
    return demand.asked(agent) and not (demand.key in waived and demand.may_lack(agent))


def written(agent: Any, plan: SupportPlan | None) -> dict[str, Any]:
    """What the section says, from the agent's card and the support plan."""
    return {
        "owner": {"id": str(agent.owner_id), "name": agent.owner.name},
        "deputy": {"id": str(agent.deputy_id), "name": agent.deputy.name} if agent.deputy else {"unknown": "not named"},
        **as_document(plan or SupportPlan(), *WANTED),
    }


def _plan(packet: Any) -> SupportPlan | None:
    return SupportPlan.objects.filter(packet=packet).first()


def _document(packet: Any) -> dict[str, Any]:
    return written(packet.agent, _plan(packet))


def _asked(packet: Any, content: dict[str, Any]) -> list[Asked]:
    return asked(packet.agent, content, packet.acceptances.open())


def _problems(packet: Any) -> list[Problem]:
    found = lacking(packet.agent, _plan(packet), SECTION.waived(packet))
    # Once it is submitted nobody can accept any more: what was accepted stands in what was frozen.
    if found or not packet.editable:
        return found
    here = reverse("packet_section", args=[packet.pk, SECTION.number]) + "#acceptances"
    waiting = [one for one in _asked(packet, SECTION.content(packet)) if one.required and not one.accepted]
    return [Problem(one.words, url=here) for one in waiting]


def _beside(packet: Any, content: dict[str, Any]) -> dict[str, Any]:
    # Only what counts: what was accepted in other words is no acceptance of these.
    return {
        "acceptances": [
            {
                "duty": one.duty.value,
                "person": {"id": str(one.person.pk), "name": one.person.name},
                "statement": one.given.statement,
                "accepted_at": stated(one.given.accepted_at),
                "digest": one.given.digest,
            }
            for one in _asked(packet, content)
            if one.accepted
        ]
    }


def _figures(packet: Any) -> dict[str, Any]:
    content = SECTION.content(packet)
    lacks = lacking(packet.agent, _plan(packet), SECTION.waived(packet))
    return {"asked": _asked(packet, content), "lacks": lacks, "content": content, "open": packet.editable}


SECTION = Section(
    number=9,
    key="owner",
    title="Named owner and support path",
    short="Owner and support path",
    help="A person who can say no, a deputy, and what somebody does who got a bad answer.",
    good="“Ana Ruiz may suspend it alone at any hour. Bad answers go to #lending-assistant, read 08:00 to 18:00 CET; "
    "after 15 minutes without a reply the on-call is paged.”",
    find=_problems,
    write=_document,
    beside=_beside,
    figures=_figures,
    sheet=SupportPlanForm,
    sheet_title="Support",
)
