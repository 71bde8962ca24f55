"""One section's page: its forms while the packet is open, its words once it is closed or for who only reads."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import actions, answers, panels, prompts
from registry.asides import CasesForm, PromptForm, asides
from registry.case_import import LARGEST, read_cases
from registry.imports.reading import Unreadable
from registry.models import Packet
from registry.moved import beside
from registry.pages import groups, in_place, progress, rebased
from registry.proposals import waiting_in
from registry.sections import SECTIONS, Section, section
from registry.sections.forms import SectionForms
from registry.sections.s05_trail import ELEMENTS
from registry.tracing import Traced, fill_from_trace
from registry.uploads import TraceForm
from registry.views.packets import visible_packet
from web.errors import Conflict, Invalid
from web.views import acting, kept, page, whole
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
    return desk.show(desk.with_new_row(request.GET.get("add", "")))


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
    """Import eval cases from a file into section 4; what is wrong with the file is said beside it."""
    packet = visible_packet(request, pk)
    actions.may_fill(packet, request.user)
    form = CasesForm(request.POST, request.FILES)
    if form.is_valid():
        with kept(form):
            file = form.cleaned_data["cases"]
            cases = read_cases(file.name, file.read(LARGEST + 1))
            actions.import_cases(packet=packet, cases=cases, by=request.user)
            messages.success(request, f"{len(cases)} case{'s' if len(cases) != 1 else ''} imported from {file.name}.")
            return redirect("packet_section", pk, 4)
    return Desk(request, packet, section(4)).refused(cases_form=form)


@require_POST
@acting()
def packet_prompt(request: Request, pk: UUID) -> HttpResponse:
    """Pin a prompt's text from a file in section 3; what is wrong with it is said beside it."""
    packet = visible_packet(request, pk)
    actions.may_fill(packet, request.user)
    form = PromptForm(request.POST, request.FILES)
    if form.is_valid():
        with kept(form):
            file, name, version = (form.cleaned_data[one] for one in ("prompt", "name", "version"))
            text = prompts.read_prompt(file.name, file.read(prompts.LARGEST + 1))
            actions.import_prompt(packet=packet, name=name, version=version, text=text, by=request.user)
            messages.success(request, f"The text of {file.name} is pinned as {name} {version}.")
            return redirect("packet_section", pk, 3)
    return Desk(request, packet, section(3)).refused(prompt_form=form)


def packet_prompt_text(request: Request, pk: UUID, digest: str) -> HttpResponse:
    """A prompt's text by its digest, to save: as the packet pins it now, or pinned it in a revision."""
    text = prompts.kept_text(visible_packet(request, pk), digest)
    if text is None:
        raise Http404("The packet never pinned a prompt of this digest.")
    response = HttpResponse(text.encode(), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="prompt-{digest[:12]}.txt"'
    return response


@require_POST
@acting("packet_detail")
def packet_trace(request: Request, pk: UUID) -> HttpResponse:
    """Fill section 5 from the trace of a run; what is wrong with the trace is said beside what was sent."""
    packet = visible_packet(request, pk)
    actions.may_fill(packet, request.user)  # before a large file is read, and a form shown
    form = TraceForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            with kept(form):
                trace_id = form.cleaned_data["trace_id"]
                made = fill_from_trace(packet=packet, data=form.payload, by=request.user, trace_id=trace_id)
                messages.success(request, _told(made))
                return redirect("packet_section", pk, 5)
        except Unreadable as error:
            for fault in error.faults:
                form.add_error(None, str(fault))
    return Desk(request, packet, section(5)).refused(trace_form=form)


def _told(made: Traced) -> str:
    one = f"{len(made.trail.parts)} of {len(ELEMENTS)} parts are in the trace"
    filled = f"{len(made.filled)} field{'s' if len(made.filled) != 1 else ''} filled"
    proposed = f", {len(made.proposed)} proposed beside what somebody wrote" if made.proposed else ""
    costs = " What the run used is proposed for section 8." if made.costs else ""
    return f"{one}: {filled}{proposed}. The trace itself is not kept.{costs}"


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
        return page(
            self.request,
            TEMPLATE,
            {**self._context(editable=False), **self._beside(), "doc": document, "editable": False},
        )

    def _beside(self) -> dict[str, Any]:
        stands = beside(self.packet, clock.now())
        return {"beside": stands, "moved": stands.of(self.section.number) if stands else []}

    def show(self, forms: SectionForms, *, status: int | None = None, **more: Any) -> HttpResponse:
        """The section's forms, with the toc and what is missing. For htmx the form alone, and the rest out of band."""
        context = {**self._context(), "forms": forms, "editable": True, "htmx": self.request.htmx, **more}
        if not self.request.htmx:
            context = {**asides(self.section.key, context["answers"]), **self._beside(), **context}
            context["fills"] = panels.fills_of(self.packet, self.request.user, self.section.number)
        context["groups"] = groups(forms, context["here"].problems)
        context["proposals"] = waiting_in(self.packet, self.section.number, self.request.user)
        response = page(self.request, TEMPLATE, context, part="desk", status=status)
        if self.request.htmx:
            response["HX-Retarget"], response["HX-Reswap"] = "#section-form", "outerHTML"
        return response

    def with_new_row(self, add: str) -> SectionForms:
        """The section's forms as they are saved, with one more row of the kind `add`, in which typing goes on."""
        forms = self.section.forms(self.packet, extra=add)
        for rows, formset in forms.formsets:
            if rows.prefix == add and not rows.fixed:
                formset.forms[-1].visible_fields()[0].field.widget.attrs["autofocus"] = True
        return forms

    def refused(self, **form: Any) -> HttpResponse:
        """The section as it is saved, with the one of its small forms that was sent and does not hold."""
        return self.show(self.section.forms(self.packet), **form)

    def save(self) -> HttpResponse:
        """Save what was posted; what cannot be saved stays on the page, with the reason above it."""
        posted, undone = self.request.POST.copy(), self.request.POST.get("undo", "")
        if undone:
            posted[f"na-{undone}"] = ""
        forms = self.section.forms(self.packet, posted)
        then = posted.get("then", "")
        # Saved while typing: only marks are drawn again, so that the cursor stays where it is.
        quiet = bool(self.request.htmx) and "add" not in posted and not then and not undone
        try:
            actions.save_section(forms=forms, seen=whole(posted.get("seen", ""), -1), by=self.request.user)
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
            return self.show(self.with_new_row(add))
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

    def _prompts(self) -> dict[str, Any]:
        """For section 3: each prompt against the last approved packet's, and its versions across packets."""
        if self.section.key != "versions":
            return {}
        before = prompts.approved_before(self.packet)
        old = before.content["sections"]["3"] if before else {}
        return {
            "prompt_changes": prompts.changes(old, self.section.document(self.packet)) if before else [],
            "prompts_before": before,
            "prompt_versions": prompts.versions(self.packet, self.request.user),
        }

    def _context(self, *, editable: bool = True) -> dict[str, Any]:
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
            "not_needed": self.section.not_needed(self.packet),
            "answers": answers.offered(self.packet, self.section) if editable else None,
            "attachments": self.packet.attachments.filter(section=self.section.number)
            .select_related("file", "added_by")
            .defer("file__body"),
            **self._prompts(),
            "figures": self.section.figures(self.packet) if self.section.figures else {},
            "document": self.section.document(self.packet)
            if self.section.key in ("cost", "data", "versions")
            else None,
        }
