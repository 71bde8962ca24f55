"""Reviewing, signing and deciding, in the browser."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.models import Person
from accounts.reauth import confirm, needs_code
from approvals import actions
from approvals.forms import SignForm
from approvals.models import Checklist, GateDecision, Policy, Renewal
from approvals.queries import in_review, waiting_for
from approvals.renewing import start_renewal
from approvals.standing import Standing, contributors, holds_role, standings
from registry import prompts
from registry.comparing import spoken
from registry.differences import differences
from registry.documents import problems
from registry.models import Packet, Revision
from registry.moved import beside
from registry.sections import SECTIONS
from registry.vocabulary import PacketState
from web.views import acting, kept, page, paged, whole
from work import clock


def visible_packet(request: HttpRequest, pk: Any) -> Packet:
    """The packet, if the person may see it; 404 otherwise."""
    rows = Packet.objects.visible_to(request.user).select_related(
        "agent__team", "agent__owner", "agent__deputy", "copied_from", "renews"
    )
    return get_object_or_404(rows, pk=pk)


def review_list(request: HttpRequest) -> HttpResponse:
    """What waits for this person's sign-off, then everything else in review."""
    user: Person = request.user
    waiting = list(waiting_for(user))
    mine = {packet.pk for packet in waiting}
    return page(
        request,
        "approvals/review_list.html",
        {"waiting": waiting, "others": paged(request, in_review(user).exclude(pk__in=mine))},
    )


def review_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """One packet under review: sections, what changed, the gate, and the decision that is asked of this person."""
    packet = visible_packet(request, pk)
    return _review(request, packet, None)


def _review(request: HttpRequest, packet: Packet, form: SignForm | None) -> HttpResponse:
    revision = packet.current
    if revision is None:
        return redirect("packet_detail", packet.pk)
    user: Person = request.user
    roles = standings(packet, revision, clock.now())
    mine = _mine(packet, roles, user)
    number = request.GET.get("section", "")
    chosen = whole(number) if 1 <= whole(number) <= 10 else int(mine.sections[0] if mine else 1)
    content, before = revision.content, _before(packet, revision)
    if form is None and mine and not mine.valid:
        form = SignForm(
            initial={"digest": revision.digest, "role": mine.role}, standing=mine, needs_code=needs_code(user)
        )
    found = problems(packet)
    differing = _differing(content, before)
    stands = beside(packet, clock.now())
    context = {
        "packet": packet,
        "agent": packet.agent,
        "revision": revision,
        "roles": roles,
        "mine": mine,
        "form": form if packet.state in (PacketState.IN_REVIEW, PacketState.APPROVED) else None,
        "bar": "" if mine else _bar(packet, user),
        "section": SECTIONS[chosen - 1],
        "doc": content["sections"][str(chosen)],
        # A draft has moved on from what was submitted; its advice is for who fills it.
        "advice": [] if packet.editable else SECTIONS[chosen - 1].advice(packet),
        "toc": [
            {
                "section": one,
                "current": one.number == chosen,
                "changed": str(one.number) in differing,
                "moved": len(stands.of(one.number)) if stands else 0,
                "mine": bool(mine and str(one.number) in mine.sections),
                "problems": len(found[one.number]),
            }
            for one in SECTIONS
        ],
        "before": before,
        "renewal": Renewal.objects.visible_to(user).select_related("drafted_by").filter(packet=packet).first(),
        "beside": stands,
        "moved": [*(stands.of(0) if chosen == 1 else []), *stands.of(chosen)] if stands else [],
        "changes": differences(*(spoken(one["sections"].get(str(chosen))) for one in (before.content, content)))
        if before
        else [],
        **_prompts(packet, content, chosen),
        "decision": packet.decisions.select_related("policy").first(),
        "sign_offs": packet.sign_offs.select_related("person", "revision"),
    }
    return page(request, "approvals/review_detail.html", context)


@require_POST
def signoff(request: HttpRequest, pk: Any) -> HttpResponse:
    """Sign in one role; whatever is refused is shown above what was typed."""
    packet = visible_packet(request, pk)
    user: Person = request.user
    revision = packet.current
    roles = standings(packet, revision, clock.now()) if revision else []
    asked = next((role for role in roles if role.role == request.POST.get("role")), None)
    if revision is None or asked is None:
        messages.error(request, "This role is not asked for on this packet.")
        return redirect("review_detail", packet.pk)
    form = SignForm(request.POST, standing=asked, needs_code=needs_code(user))
    if form.is_valid():
        given = form.cleaned_data
        with kept(form):
            proof = confirm(user, given["password"], given.get("code", ""))
            sign_off = actions.sign(
                packet=packet,
                role=asked.role,
                decision=given["decision"],
                digest=given["digest"],
                by=user,
                proof=proof,
                comment=given["comment"],
                attested=given["attested"],
            )
            messages.success(request, f"{sign_off.get_decision_display()} as {sign_off.get_role_display()}.")
            return redirect("review_detail", packet.pk)
    return _review(request, packet, form)


@require_POST
@acting("packet_detail")
def packet_submit(request: HttpRequest, pk: Any) -> HttpResponse:
    """Freeze the packet and ask for sign-offs."""
    packet = visible_packet(request, pk)
    revision = actions.submit_packet(packet=packet, by=request.user)
    messages.success(request, f"Submitted as revision {revision.number}. The roles it needs have been asked.")
    return redirect("review_detail", packet.pk)


@require_POST
@acting("packet_detail")
def packet_withdraw(request: HttpRequest, pk: Any) -> HttpResponse:
    """End a packet that is not approved."""
    packet = visible_packet(request, pk)
    actions.withdraw_packet(packet=packet, by=request.user)
    messages.success(request, "Withdrawn. It stays readable.")
    return redirect("packet_detail", packet.pk)


@require_POST
@acting("packet_detail")
def packet_renew(request: HttpRequest, pk: Any) -> HttpResponse:
    """Draft the renewal of an approved packet now."""
    made = start_renewal(packet=visible_packet(request, pk), by=request.user)
    messages.success(request, "The renewal is drafted. Only what has changed since it was signed needs work.")
    return redirect("packet_detail", made.pk)


@require_POST
@acting("review_detail")
def packet_evaluate(request: HttpRequest, pk: Any) -> HttpResponse:
    """Evaluate the gate now."""
    packet = visible_packet(request, pk)
    decision = actions.evaluate(packet=packet, by=request.user)
    messages.success(request, f"The gate was evaluated: {decision.get_outcome_display().lower()}.")
    return redirect("review_detail", packet.pk)


def decision_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """One gate decision: each rule's reason, the input it read, the policy it applied."""
    rows = GateDecision.objects.visible_to(request.user).select_related("packet__agent", "revision", "policy", "by")
    decision = get_object_or_404(rows, pk=pk)
    text = json.dumps(decision.facts, indent=2, ensure_ascii=False, sort_keys=True)
    context = {"decision": decision, "packet": decision.packet, "input_text": text}
    return page(request, "approvals/decision_detail.html", context)


def policy_list(request: HttpRequest) -> HttpResponse:
    """The policies and checklists in force: what is asked of whom, and which limits hold."""
    policies = Policy.objects.order_by("key", "-version").distinct("key")
    checklists = Checklist.objects.order_by("risk_class", "-version").distinct("risk_class")
    return page(
        request,
        "approvals/policy_list.html",
        {"policies": policies, "checklists": checklists, "sections": {str(one.number): one for one in SECTIONS}},
    )


def _mine(packet: Packet, roles: list[Standing], user: Person) -> Standing | None:
    now, authors = clock.now(), contributors(packet)
    held = [
        one
        for one in roles
        if holds_role(user, one.role, packet, now) and (one.role == "owner" or user.pk not in authors)
    ]
    return next((one for one in held if not one.valid), held[0] if held else None)


def _bar(packet: Packet, user: Person) -> str:
    if user.approver_roles and user.pk in contributors(packet):
        return "You changed or submitted this packet, so someone else must approve it (four eyes)."
    return ""


def _before(packet: Packet, revision: Revision) -> Revision | None:
    # What a reviewer saw last: this packet's earlier revision, else the approved packet that it was copied from.
    earlier = packet.revisions.filter(number__lt=revision.number).order_by("-number").first()
    return earlier or (packet.approved_origin.current if packet.approved_origin else None)


def _prompts(packet: Packet, content: dict[str, Any], chosen: int) -> dict[str, Any]:
    before = prompts.approved_before(packet) if chosen == 3 else None
    if before is None:
        return {}
    changes = prompts.changes(before.content["sections"]["3"], content["sections"]["3"])
    return {"prompts_before": before, "prompt_changes": changes}


def _differing(content: dict[str, Any], before: Revision | None) -> set[str]:
    if before is None:
        return set()
    old = before.content["sections"]
    return {number for number, part in content["sections"].items() if spoken(old.get(number)) != spoken(part)}
