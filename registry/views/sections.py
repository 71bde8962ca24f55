"""One section's page: its forms while the packet is open, its words once it is closed or for who only reads."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import actions
from registry.case_import import LARGEST, read_cases
from registry.models import Packet
from registry.moved import beside
from registry.pages import groups, in_place, progress, rebased
from registry.sections import SECTIONS, Section, section
from registry.sections.base import SectionForms
from registry.views.packets import visible_packet
from web.errors import Conflict, Invalid
from web.views import acting, page
from work import clock

TEMPLATE = "registry/section.html"


@acting("packet_section")
def packet_section(request: Request, pk: UUID, number: int) -> HttpResponse:
    """Show section `number` of a packet; on a POST save it."""
    packet = visible_packet(request, pk)
    try:
        one = section(number)
    except IndexError as error:
        raise Http404(str(error)) from error
    desk = Desk(request, packet, one)
    if request.method == "POST":
        return desk.save()
    if not packet.editable or not packet.agent.editable_by(request.user):
        return desk.read()
    return desk.show(one.forms(packet, extra=request.GET.get("add", "")))


@require_POST
@acting()
def packet_prices(request: Request, pk: UUID) -> HttpResponse:
    """Take the list prices of the model that section 3 pins into section 8."""
    packet = visible_packet(request, pk)
    actions.take_list_prices(packet=packet, by=request.user)
    messages.success(
        request, "The list prices are in the fields, and where they come from. Change what you agreed otherwise."
    )
    return redirect("packet_section", pk, 8)


@require_POST
@acting()
def packet_cases(request: Request, pk: UUID) -> HttpResponse:
    """Import eval cases from a file into section 4."""
    packet = visible_packet(request, pk)
    file = request.FILES.get("cases")
    if file is None:
        raise Invalid("Choose a CSV or JSONL file with the cases.")
    cases = read_cases(file.name or "", file.read(LARGEST + 1))
    actions.import_cases(packet=packet, cases=cases, by=request.user)
    messages.success(request, f"{len(cases)} case{'s' if len(cases) != 1 else ''} imported from {file.name}.")
    return redirect("packet_section", pk, 4)


@dataclass
class Desk:
    """One request's work on one section of one packet."""

    request: Request
    packet: Packet
    section: Section

    def read(self) -> HttpResponse:
        """The section as its document says it, without a form: once it was submitted, as it was, to the letter."""
        revision = None if self.packet.editable else self.packet.current
        if revision:
            document = revision.content["sections"][str(self.section.number)]
        else:
            document = self.section.document(self.packet)
        return page(self.request, TEMPLATE, {**self._context(), **self._beside(), "doc": document, "editable": False})

    def _beside(self) -> dict[str, Any]:
        stands = beside(self.packet, clock.now())
        return {"beside": stands, "moved": stands.of(self.section.number) if stands else []}

    def show(self, forms: SectionForms, *, status: int | None = None, **more: Any) -> HttpResponse:
        """The section's forms, with the toc and what is missing. For htmx the form alone, and the rest out of band."""
        context = {**self._context(), "forms": forms, "editable": True, "htmx": self.request.htmx, **more}
        if not self.request.htmx:
            context |= self._beside()
        context["groups"] = groups(forms, context["here"].problems)
        response = page(self.request, TEMPLATE, context, part="desk", status=status)
        if self.request.htmx:
            response["HX-Retarget"], response["HX-Reswap"] = "#section-form", "outerHTML"
        return response

    def save(self) -> HttpResponse:
        """Save what was posted; what cannot be saved stays on the page, with the reason above it."""
        posted = self.request.POST
        forms = self.section.forms(self.packet, posted)
        then = posted.get("then", "")
        # Saved while typing: only marks are drawn again, so that the cursor stays where it is.
        quiet = bool(self.request.htmx) and "add" not in posted and not then
        try:
            actions.save_section(forms=forms, seen=_seen(posted), by=self.request.user)
        except Invalid as refusal:
            return self._unsaved(refusal) if quiet else self.show(forms, status=refusal.status, refusal=refusal)
        except Conflict as refusal:
            return self._conflict(refusal)
        if quiet and in_place(forms, posted):
            return self._marks()
        return self._after(posted.get("add", ""), then)

    def _after(self, add: str, then: str) -> HttpResponse:
        here = reverse("packet_section", args=[self.packet.pk, self.section.number])
        if then == "next":
            return self._go(self._next_url())
        if then == "list":
            return self._go(reverse("packet_detail", args=[self.packet.pk]))
        if self.request.htmx:
            return self.show(self.section.forms(self.packet, extra=add))
        if add:
            return redirect(f"{here}?add={add}#rows-{add}-end")
        return redirect(here)

    def _go(self, url: str) -> HttpResponse:
        if self.request.htmx:
            return HttpResponse(headers={"HX-Redirect": url})
        return redirect(url)

    def _next_url(self) -> str:
        if self.section.number == len(SECTIONS):
            return reverse("packet_detail", args=[self.packet.pk])
        return reverse("packet_section", args=[self.packet.pk, self.section.number + 1])

    def _marks(self) -> HttpResponse:
        """What changes on the page beside what the person is typing."""
        forms = self.section.forms(self.packet)
        context = {**self._context(), "forms": forms, "htmx": True, "groups": [], "posted": self.request.POST}
        context["counts"] = [
            (rows.prefix, self.request.POST.get(f"{rows.prefix}-TOTAL_FORMS", "0"), formset)
            for rows, formset in forms.formsets
        ]
        response = page(self.request, TEMPLATE, context, part="marks")
        response["HX-Reswap"] = "none"
        return response

    def _unsaved(self, refusal: Invalid) -> HttpResponse:
        context = {"problems": refusal.problems}
        response = HttpResponse(render_to_string("registry/unsaved.html", context, self.request), status=refusal.status)
        response["HX-Retarget"], response["HX-Reswap"] = "#section-problems", "innerHTML"
        return response

    def _conflict(self, refusal: Conflict) -> HttpResponse:
        """Both versions on one page: what was typed in the fields, what was saved meanwhile beneath each that differs."""
        packet = visible_packet(self.request, self.packet.pk)
        self.packet = packet
        data = rebased(self.section.forms(packet), self.request.POST)
        forms = self.section.forms(packet, data)
        forms.is_valid()
        return self.show(forms, status=refusal.status, refusal=refusal, conflict=True, closed=not packet.editable)

    def _context(self) -> dict[str, Any]:
        sections = progress(self.packet)
        here = sections[self.section.number - 1]
        following = SECTIONS[self.section.number] if self.section.number < len(SECTIONS) else None
        return {
            "packet": self.packet,
            "agent": self.packet.agent,
            "section": self.section,
            "sections": sections,
            "here": here,
            "following": following,
            "attachments": self.packet.attachments.filter(section=self.section.number)
            .select_related("file", "added_by")
            .defer("file__body"),
            "figures": self.section.figures(self.packet) if self.section.figures else {},
            "document": self.section.document(self.packet)
            if self.section.key in ("cost", "data", "versions")
            else None,
        }


def _seen(posted: QueryDict) -> int:
    try:
        return int(posted.get("seen", ""))
    except ValueError:
        return -1
