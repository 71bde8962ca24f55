"""A data source's contract versions, and where its data comes from."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import contracts, lineage
from registry.forms import LinkForm
from registry.models import DataSource, SourceLink
from registry.upkeep import may_keep
from registry.uploads import ContractForm
from registry.views.catalogue import catalogue_entry, source_page
from web.errors import Conflict
from web.views import acting, kept, page, whole


@acting("data_detail")
def contract_new(request: Request, pk: UUID) -> HttpResponse:
    """Publish a version of a source's contract: read, look at its fields and what changes, publish."""
    source: DataSource = catalogue_entry(request, DataSource.objects.all(), pk)
    may_keep(source, request.user)
    form = ContractForm(request.POST or None, request.FILES or None)
    context = {"entry": source, "form": form}
    if request.method != "POST" or not form.is_valid():
        return page(request, "registry/contract_new.html", context)
    version, note = form.cleaned_data["version"], form.cleaned_data["note"]
    if "confirm" in request.POST:
        with kept(form):
            made = contracts.publish(source=source, version=version, note=note, data=form.payload, by=request.user)
            messages.success(request, f"Contract {made.version} of {source} is published. It never changes again.")
            return redirect("contract_detail", source.pk, made.number)
        return page(request, "registry/contract_new.html", context)
    with kept(form):
        found = contracts.read(form.payload)
        newest = source.contracts.first()
        context |= {
            "found": found,
            "version": version.strip() or found.version,
            "newest": newest,
            "changes": contracts.compare(newest.fields, found.rows) if newest else [],
            "text": form.payload.decode("utf-8-sig"),
        }
        return page(request, "registry/contract_preview.html", context)
    return page(request, "registry/contract_new.html", context)


def contract_detail(request: Request, pk: UUID, number: int) -> HttpResponse:
    """One version of a contract: its fields, and what changed against an earlier one (`?against=1`)."""
    source: DataSource = catalogue_entry(request, DataSource.objects.all(), pk)
    rows = source.contracts.visible_to(request.user).select_related("published_by")
    contract = get_object_or_404(rows, number=number)
    others = list(rows.exclude(number=number).defer("text", "fields"))
    wanted = request.GET.get("against", "")
    number_of = whole(wanted, number - 1)
    against = rows.filter(number=number_of).exclude(number=number).first()
    changes = contracts.compare(against.fields, contract.fields) if against else []
    context = {"entry": source, "contract": contract, "others": others, "against": against, "changes": changes}
    return page(request, "registry/contract_detail.html", context)


@require_POST
@acting("data_detail")
def data_link(request: Request, pk: UUID) -> HttpResponse:
    """Add a link to where a source's data comes from or goes, or take one back."""
    source: DataSource = catalogue_entry(request, DataSource.objects.all(), pk)
    if gone := request.POST.get("remove", ""):
        row = SourceLink.objects.visible_to(request.user).filter(pk=whole(gone)).first()
        if row is None:
            raise Conflict("Somebody took this link back already.")
        lineage.unlink(link=row, by=request.user)
        messages.success(request, f"{row.upstream} is no longer said to feed {row.downstream}.")
        return redirect("data_detail", pk)
    form = LinkForm(request.POST, source=source, person=request.user, auto_id="id_link_%s")
    if form.is_valid():
        other, up = form.cleaned_data["other"], form.cleaned_data["way"] == "up"
        ends = {"upstream": other, "downstream": source} if up else {"upstream": source, "downstream": other}
        with kept(form):
            made = lineage.link(**ends, note=form.cleaned_data["note"], by=request.user)
            messages.success(request, f"{made.upstream} feeds {made.downstream}.")
            return redirect("data_detail", pk)
        if getattr(getattr(form, "refusal", None), "status", 0) == 403:
            raise form.refusal  # who may not is told so on a page of its own
    return source_page(request, source, link=form)
