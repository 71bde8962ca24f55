"""Saving a packet's sections, from a browser's form or from values."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import Person
from ledger.canonical import dumps, sha256
from registry import entries
from registry.actions.agents import may_edit
from registry.actions.packets import contributed, to_fill
from registry.case_import import merged
from registry.contents import content_of, plain_content
from registry.costing import PRICE_LIST_CURRENCY
from registry.merging import follow_merges
from registry.models import (
    AnswerUse,
    Packet,
    Proposal,
    SectionState,
    TeamAnswerVersion,
)
from registry.sections import Section, section
from registry.sections.base import saying
from registry.sections.forms import SectionForms, form_data
from registry.sections.s08_cost import price_of
from registry.settling import settle_section, tell_end
from work import clock
from work.acts import Conflict, Denied, Invalid, record


@transaction.atomic
def save_section(*, forms: SectionForms, seen: int, by: Person, using: TeamAnswerVersion | None = None) -> SectionState:
    """Save a section's valid forms. `seen` is the section's version that the form was made from; `using` is the version of
    a team answer that a field was filled from.

    Raises Conflict when someone saved in between, or the packet is not open for editing; nothing is overwritten.
    """
    packet = to_fill(forms.packet, by)
    state = packet.section_states.select_related("saved_by").get(number=forms.section.number)
    if state.version != seen:
        who = state.saved_by.name if state.saved_by else "Someone"
        raise Conflict(f"{who} saved this section after you opened it. Compare both below, then save again.")
    if not forms.is_valid():
        raise Invalid(*forms.errors())
    if by.is_service and forms.not_applicable.has_changed():
        raise Denied("Only a person says that something does not apply, and signs for the reason with their name.")
    if using is not None and packet.answer_uses.filter(section=state.number, version=using).exists():
        using = None
    if not forms.has_changed() and using is None:
        return state
    asked = Proposal.objects.open().filter(packet=packet, section=state.number).exists()
    before = plain_content(forms.section, packet) if asked else {}
    forms.save(by)
    if using is not None:
        AnswerUse.objects.create(packet=packet, section=state.number, version=using, name=using.answer.name)
        # Whose words stand in the packet has contributed to it, whoever put them there.
        contributed(packet, using.written_by)
    _forget_answers(forms.section, packet)
    settled = settle_section(packet, state.number, before) if asked else []
    # What was chosen may have been merged away while this waited for its row.
    follow_merges(packet, by)
    state = section_saved(packet, state.number, by)
    for proposal in settled:
        tell_end(proposal, by)
    return state


def section_saved(packet: Packet, number: int, by: Person) -> SectionState:
    """Count and record that a section of a locked packet was changed. Called once all its rows are written."""
    state = packet.section_states.get(number=number)
    state.version, state.saved_at, state.saved_by = state.version + 1, clock.now(), by
    state.by_a_person = state.by_a_person or not by.is_service
    state.save(update_fields=["version", "saved_at", "saved_by", "by_a_person"])
    contributed(packet, by)
    digest = sha256(dumps(section(number).document(packet)))
    said = entries.SectionSaved(packet=str(packet.pk), revision=packet.revision, section=number, digest=digest)
    record(packet.stream, said, by=by)
    return state


def _forget_answers(one: Section, packet: Packet) -> None:
    # What no field of the section says any more is no longer used.
    uses = list(packet.answer_uses.filter(section=one.number).select_related("version"))
    places = one.places(packet) if uses else []
    for use in uses:
        if not saying(places, use.version.text):
            use.delete()


def write_section(
    *, packet: Packet, number: int, content: Mapping[str, Any], by: Person, using: TeamAnswerVersion | None = None
) -> SectionState:
    """Save a section from values instead of a browser's form: {"sheet": {…}, rows prefix: [{…}, …]}. `using` as in
    `save_section`.

    Goes through the same forms and rules. Raises Invalid with each fault as a sentence.
    """
    one: Section = section(number)
    seen = packet.section_states.get(number=number).version  # before the rows are read, so that a save in between shows
    data = form_data(one.forms(packet), content)
    return save_section(forms=one.forms(packet, data), seen=seen, by=by, using=using)


def replace_section(*, packet: Packet, number: int, content: Mapping[str, Any], by: Person) -> SectionState:
    """Replace all of a section's content, as `write_section` does. A service account replaces nothing that a person saved
    in this packet: Conflict, which says what to do instead."""
    if by.is_service and packet.section_states.filter(number=number, by_a_person=True).exists():
        raise Conflict(
            f"A person has written section {number}, and a service account overwrites nothing of that. Send it to the "
            "packet's route fill instead: what is empty is filled, and what differs becomes a proposal."
        )
    return write_section(packet=packet, number=number, content=content, by=by)


def take_list_prices(*, packet: Packet, by: Person) -> SectionState:
    """Put the list prices of the packet's first pinned model into section 8, with their source. Saved as a section is.

    Raises Invalid where the list does not know the model, or the estimate is in another currency than the list.
    """
    may_edit(packet.agent, by)
    price = price_of(packet)
    if price is None:
        raise Invalid("The price list does not know the model that section 3 pins first. Write its prices yourself.")
    one = section(8)
    content = content_of(one, packet)
    sheet = content["sheet"]
    if sheet["currency"] not in (None, "", PRICE_LIST_CURRENCY):
        raise Invalid(
            f"The list is in {PRICE_LIST_CURRENCY} and this estimate in {sheet['currency']}. Portcullis converts no "
            "money: write the prices in your currency, and with which rate."
        )
    prices = {"price_in": price.price_in, "price_cached": price.price_cached, "price_out": price.price_out}
    taken = {"currency": PRICE_LIST_CURRENCY, "price_source": price.source}
    sheet |= taken | {name: str(value) for name, value in prices.items()}
    return write_section(packet=packet, number=8, content=content, by=by)


def import_cases(*, packet: Packet, cases: list[dict[str, Any]], by: Person) -> SectionState:
    """Add eval cases to section 4; one whose id is there already is replaced. Saved as a section is."""
    one = section(4)
    content = content_of(one, packet)
    content["case"] = merged(content["case"], cases)
    return write_section(packet=packet, number=4, content=content, by=by)


def import_prompt(*, packet: Packet, name: str, version: str, text: str, by: Person) -> SectionState:
    """Pin a prompt's text in section 3; the prompt of that name, if there is one, gets it. Saved as a section is."""
    name, version = name.strip(), version.strip()
    if not name or not version:
        raise Invalid("Say which prompt it is, and which version of it.")
    one = section(3)
    content = content_of(one, packet)
    row = {"name": name, "version": version, "text": text}
    others = [pin for pin in content["prompt"] if pin["name"] != name]
    place = next((i for i, pin in enumerate(content["prompt"]) if pin["name"] == name), len(others))
    content["prompt"] = [*others[:place], row, *others[place:]]
    return write_section(packet=packet, number=3, content=content, by=by)
