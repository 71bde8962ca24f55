"""Filling a packet from a pulled eval run: its cases in section 4, and the model that it was made on in section 3."""

import re

from django.db import transaction
from django.urls import reverse

from accounts.models import Person
from registry.filling import Filled, fill
from registry.models import Packet
from registry.proposals import Origin
from registry.sections.s03_versions import ModelPin
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
