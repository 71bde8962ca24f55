"""Filling a packet from what was pulled: from an eval run its cases in section 4 and the model that it was made on in
section 3; from the bill what section 8 says of prices."""

import re

from django.db import transaction
from django.urls import reverse

from accounts.models import Person
from ledger.canonical import dumps, sha256
from registry.actions import to_fill
from registry.filling import Filled, fill, said_of_sheet
from registry.models import Packet, Proposal
from registry.proposals import Origin, propose
from registry.sections.s03_versions import ModelPin
from registry.sections.s08_cost import CostEstimate
from signals.billing import PRICES, bill_of
from signals.models import EvalRun
from work.acts import Invalid

DATED = re.compile(r"(.+)-(\d{8})")
"""A model's name that ends with the day of its snapshot."""


@transaction.atomic
def fill_from_run(*, packet: Packet, run: EvalRun, by: Person) -> Filled:
    """Put what `run` names into sections 3 and 4 where nothing is written; what differs becomes a proposal.

    Cases come with their ids, and as critical where the log says so: what is in them, a log does not tell reliably. The
    model is pinned only where section 3 pins none. Raises Denied, Conflict, or Invalid for a run of another agent or one
    that did not end well.
    """
    if run.agent_id != packet.agent_id:
        raise Invalid(f"That run is not one of {packet.agent.name}.")
    if run.status != "success" or run.invalidated or run.completed_at is None:
        raise Invalid("That run did not end well. Choose one that did.")
    cases = [
        {"case_id": case.case_id, **({"critical": True} if case.critical else {})}
        for case in run.cases.only("case_id", "critical")
    ]
    given = {4: {"sheet": {"name": run.task}, "case": cases}}
    provider, _, model = run.model.partition("/")
    if model and not ModelPin.objects.filter(packet=packet).exists():
        dated = DATED.fullmatch(model)
        pin = {"provider": provider, "model_id": dated[1] if dated else model, "snapshot": dated[2] if dated else ""}
        given[3] = {"model": [pin]}
    label = f"Eval run {run.task} of {run.completed_at:%d %b %Y}"
    origin = Origin("eval_run", str(run.pk), label, run.results_sha256, reverse("eval_run_detail", args=[run.pk]))
    return fill(packet=packet, given=given, origin=origin, by=by)


@transaction.atomic
def propose_billed(*, packet: Packet, by: Person | None) -> list[Proposal]:
    """Propose for section 8 what the agent's tokens were billed at, and the share of them that came from a cache. `by` is
    None for the portal itself, which does so for a renewal that it has just drafted.

    A promise is the owner's to make, so nothing is written, also not where the section says nothing yet. Raises Denied,
    Conflict, or Invalid where the bill tells no price.
    """
    packet = to_fill(packet, by) if by else packet
    bill = bill_of(packet.agent, by)
    if bill is None:
        raise Invalid(f"No cost line of {packet.agent.name} that counts tokens was pulled.")
    if bill.why:
        raise Invalid(bill.why)
    stated = CostEstimate.objects.filter(packet=packet).values_list("currency", flat=True).first()
    if stated and stated != bill.figures["currency"]:
        raise Invalid(
            f"Tokens were billed in {bill.figures['currency']}, and section 8 states {stated}. Portcullis converts no money: "
            "state the estimate in the currency of the bill, or write what the rate makes of it."
        )
    figures = {name: str(value) for name, value in bill.figures.items()}
    figures["price_source"] = f"Billed {bill.days}, {bill.lines} pulled cost lines"
    said = said_of_sheet(packet, 8, figures)
    if all(one.agrees for one in said if one.field in PRICES):
        said = [one for one in said if one.field != "price_source"]  # where they come from is said already
    digest = sha256(dumps({**figures, "agent": str(packet.agent_id), "lines": bill.lines}))
    path = f"{reverse('cost_list')}?agent={packet.agent.slug}"
    origin = Origin("bill", str(packet.pk), f"Costs of {bill.days}", digest, path)
    return propose(said=said, origin=origin, by=by)
