"""Team answers: the list, writing, changing and withdrawing one, and using one in a packet's section."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.models import Team
from accounts.requests import Request
from registry import actions, answers
from registry.asides import UseForm
from registry.models import TeamAnswer, TeamAnswerVersion
from registry.models.answers import LONGEST
from registry.sections import section
from registry.views.packets import visible_packet
from registry.views.sections import Desk
from web.views import acting, kept, page, paged, whole

HELP = "What is put into a packet's field, as it stands. Markdown is shown as such."


class AnswerForm(forms.Form):
    """A new answer."""

    team = forms.ModelChoiceField(Team.objects.none(), label="Team")
    name = forms.CharField(
        label="What is answered", max_length=80, help_text="For example Escalation, or Data handling"
    )
    text = forms.CharField(label="Answer", max_length=LONGEST, widget=forms.Textarea, help_text=HELP)

    def __init__(self, *args: Any, request: Request, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.visible_to(request.user).filter(pk__in=request.user.team_ids)
        self.fields["team"] = forms.ModelChoiceField(teams, label="Team", initial=teams.first())


class WordingForm(forms.Form):
    """The next version of an answer."""

    text = forms.CharField(label="Answer", max_length=LONGEST, widget=forms.Textarea, help_text=HELP)
    seen = forms.IntegerField(widget=forms.HiddenInput)


def answer_list(request: Request) -> HttpResponse:
    """The answers that this person may see, by team, each as it stands."""
    wordings = Prefetch("versions", TeamAnswerVersion.objects.select_related("written_by").order_by("-number"))
    rows = TeamAnswer.objects.visible_to(request.user).select_related("team").prefetch_related(wordings)
    return page(request, "registry/answer_list.html", {"rows": paged(request, rows)})


def _visible(request: Request, pk: UUID) -> TeamAnswer:
    rows = TeamAnswer.objects.visible_to(request.user).select_related("team", "withdrawn_by")
    return get_object_or_404(rows, pk=pk)


@acting("answer_list")
def answer_new(request: Request) -> HttpResponse:
    """Write an answer for one of one's teams."""
    form = AnswerForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            answer = answers.write_answer(**form.cleaned_data, by=request.user)
            messages.success(request, f"{answer.name} is kept. Each packet of the team can use it now.")
            return redirect("answer_detail", answer.pk)
    return page(request, "registry/answer_new.html", {"form": form})


@acting("answer_detail")
def answer_detail(request: Request, pk: UUID) -> HttpResponse:
    """One answer with its versions; on a POST its next version."""
    answer = _visible(request, pk)
    newest, may = answer.newest, answer.editable_by(request.user)
    form = WordingForm(request.POST or None, initial={"text": newest.text, "seen": newest.number})
    if request.method == "POST" and form.is_valid():
        if not may:
            answers.change_answer(answer=answer, **form.cleaned_data, by=request.user)
        with kept(form):
            version = answers.change_answer(answer=answer, **form.cleaned_data, by=request.user)
            messages.success(request, f"Version {version.number} is the answer from now on. Drafts say that it is new.")
            return redirect("answer_detail", answer.pk)
    versions = answer.versions.select_related("written_by").order_by("-number")[:100]
    return page(
        request,
        "registry/answer_detail.html",
        {"answer": answer, "newest": newest, "versions": versions, "form": form, "may": may},
    )


@require_POST
@acting("answer_detail")
def answer_rename(request: Request, pk: UUID) -> HttpResponse:
    """Call an answer something else."""
    answer = _visible(request, pk)
    name, seen = request.POST.get("name", ""), request.POST.get("seen", "")
    answer = answers.rename_answer(answer=answer, name=name, seen=seen, by=request.user)
    messages.success(request, f"It is called {answer.name}. Packets name it as they did, and by {answer.slug}.")
    return redirect("answer_detail", pk)


@require_POST
@acting("answer_detail")
def answer_withdraw(request: Request, pk: UUID) -> HttpResponse:
    """Withdraw an answer, with the reason."""
    answer, seen = _visible(request, pk), request.POST.get("seen", "")
    reason, number = request.POST.get("reason", ""), whole(seen)
    answers.withdraw_answer(answer=answer, reason=reason, seen=number, by=request.user)
    messages.success(request, f"{answer.name} is withdrawn. Drafts that use it say so.")
    return redirect("answer_detail", pk)


@require_POST
@acting("answer_detail")
def answer_take_back(request: Request, pk: UUID) -> HttpResponse:
    """Take a withdrawn answer back into use."""
    answer = answers.take_back_answer(answer=_visible(request, pk), by=request.user)
    messages.success(request, f"{answer.name} is in use again.")
    return redirect("answer_detail", pk)


@require_POST
@acting("packet_section")
def answer_use(request: Request, pk: UUID, number: int) -> HttpResponse:
    """Put an answer into fields of a section; why it cannot go there is said beside the choice."""
    packet = visible_packet(request, pk)
    if not 1 <= number <= 10:
        raise Http404("There are ten sections.")
    wanted = request.POST.get("version", "")
    rows = TeamAnswerVersion.objects.filter(answer__in=TeamAnswer.objects.visible_to(request.user))
    version = get_object_or_404(rows.select_related("answer"), pk=whole(wanted))
    actions.may_fill(packet, request.user)
    form = UseForm(answers.offered(packet, section(number)), request.POST)
    if form.is_valid():
        with kept(form):
            places = request.POST.getlist("place")
            answers.use_answer(packet=packet, number=number, places=places, version=version, by=request.user)
            messages.success(request, f"{version.answer.name}, version {version.number}, is in the field.")
            return redirect("packet_section", pk, number)
    return Desk(request, packet, section(number)).refused(use_form=form)
