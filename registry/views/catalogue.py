"""The shared catalogue: data sources and tools, who may touch them, and keeping them true."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import actions, contracts, finding, merging, upkeep
from registry.forms import DataSourceForm, LinkForm, SourceEditForm, ToolConfirmForm, ToolEditForm, ToolForm
from registry.models import DataSource, Tool
from registry.models.agents import CatalogueQuerySet
from registry.pages import refresh_mark, said_differently
from registry.proposals import waiting
from registry.vocabulary import Effect
from web.errors import Conflict, Denied
from web.views import acting, kept, page, paged, whole


def _found(request: Request, rows: CatalogueQuerySet) -> QuerySet:
    rows = rows.visible_to(request.user).select_related("owner")
    rows = rows.annotate(agents=Count("grants__packet__agent", filter=_counts(), distinct=True))
    found = finding.matching(rows, request.GET.get("q", ""))
    # Counting groups the rows, which drops the model's own order. What was retired comes last.
    return found.order_by(F("retired_at").asc(nulls_first=True), *(rows.model._meta.ordering or ()))


def _counts() -> Q:
    return Q(grants__packet__state__in=upkeep.GRANTING) | upkeep.running("grants__packet__")


def _list(request: Request, template: str, rows: CatalogueQuerySet) -> HttpResponse:
    context: dict[str, Any] = {"rows": paged(request, _found(request, rows)), "may_add": _may_add(request)}
    if not getattr(request, "htmx", None):
        context["pairs"] = merging.alike(rows.visible_to(request.user))
        context["kept"] = {one.pk for pair in context["pairs"] for one in pair if one.kept_by(request.user)}
    return page(request, template, context, part="rows")


def _may_add(request: Request) -> bool:
    person = request.user
    return not person.is_auditor and (person.is_admin or bool(person.team_ids))


def data_list(request: Request) -> HttpResponse:
    """Every data source that agents may be granted."""
    return _list(request, "registry/data_list.html", DataSource.objects.all())


def tool_list(request: Request) -> HttpResponse:
    """Every tool that agents may call."""
    return _list(request, "registry/tool_list.html", Tool.objects.all())


@acting("data_list")
def data_new(request: Request) -> HttpResponse:
    """Add a data source."""
    form = DataSourceForm(request.POST or None, initial={"name": request.GET.get("name", "")})
    if request.method == "POST" and form.is_valid():
        with kept(form):
            source = actions.catalogue_source(**form.cleaned_data, by=request.user)
            messages.success(request, f"{source.name} is in the catalogue; packets can name it now.")
            return redirect("data_list")
    return page(request, "registry/data_new.html", {"form": form})


@acting("tool_list")
def tool_new(request: Request) -> HttpResponse:
    """Add a tool."""
    form = ToolForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            tool = actions.catalogue_tool(**form.cleaned_data, by=request.user)
            messages.success(request, f"{tool.slug} is in the catalogue; packets can name it now.")
            return redirect("tool_list")
    return page(request, "registry/tool_new.html", {"form": form})


def catalogue_entry(request: Request, rows: CatalogueQuerySet, pk: UUID) -> Any:
    """The entry with its people, or Http404."""
    related = ["owner", "retired_by", "merged_into"] + (["confirmed_by"] if rows.model is Tool else [])
    return get_object_or_404(rows.visible_to(request.user).select_related(*related), pk=pk)


def _away(request: Request, entry: Any, name: str) -> HttpResponse | None:
    """The way to the entry that this one was merged into; `?itself` shows it all the same."""
    if request.method != "GET" or entry.merged_into is None or "itself" in request.GET:
        return None
    messages.info(request, f"{entry} was merged into {entry.merged_into}, which is what you see.")
    return redirect(name, entry.merged_into_id)


def _detail(request: Request, template: str, entry: Any, edit: Any, **context: Any) -> HttpResponse:
    touching = upkeep.touching(entry, request.user)
    return page(
        request,
        template,
        {
            "entry": entry,
            "form": edit,
            "touching": touching,
            "detail": "data_detail" if isinstance(entry, DataSource) else "tool_detail",
            "merged": list(entry.merged.order_by("name")),
            "may_keep": entry.kept_by(request.user),
            "proposals": waiting(entry, request.user),
            **context,
        },
    )


def _saved(
    request: Request, form: Any, entry: Any, save: Callable[..., Any], fresh: Callable[[Any], ModelForm]
) -> tuple[bool, list[tuple[str, str]]]:
    """Save a valid form: whether it went through, and what is saved instead where somebody was quicker."""
    with kept(form):
        save(by=request.user, **form.cleaned_data)
        return True, []
    if not isinstance(getattr(form, "refusal", None), Conflict):
        return False, []
    saved = type(entry).objects.visible_to(request.user).get(pk=entry.pk)
    refresh_mark(form, upkeep.mark(saved))
    return False, said_differently(form, fresh(saved))


@acting("data_detail")
def data_detail(request: Request, pk: UUID) -> HttpResponse:
    """A data source: what the catalogue says of it, who may touch it, and changing it."""
    source: DataSource = catalogue_entry(request, DataSource.objects.all(), pk)
    if away := _away(request, source, "data_detail"):
        return away
    form = SourceEditForm(request.POST or None, instance=source, initial={"seen": upkeep.mark(source)})
    theirs: list[tuple[str, str]] = []
    if request.method == "POST":
        if not source.kept_by(request.user):
            raise Denied(upkeep.whose(source))
        if form.is_valid():
            done, theirs = _saved(
                request,
                form,
                source,
                lambda **values: upkeep.change_source(source=source, **values),
                lambda saved: SourceEditForm(instance=saved),
            )
            if done:
                messages.success(request, f"{source.name} is saved.")
                return redirect("data_detail", pk)
    return source_page(request, source, form, theirs=theirs)


def source_page(request: Request, source: DataSource, form: Any = None, **context: Any) -> HttpResponse:
    """The page of a data source: with `form` as it was posted, else as it is."""
    form = form or SourceEditForm(instance=source, initial={"seen": upkeep.mark(source)})
    published = list(source.contracts.select_related("published_by")[:20])
    link = LinkForm(source=source, person=request.user, auto_id="id_link_%s")
    more = {
        "published": published,
        "changes": contracts.compare(published[1].fields, published[0].fields) if len(published) > 1 else [],
        "fed_by": source.fed_by.visible_to(request.user).select_related("upstream").order_by("upstream__name"),
        "feeds": source.feeds.visible_to(request.user).select_related("downstream").order_by("downstream__name"),
        "link": link,
    }
    return _detail(request, "registry/data_detail.html", source, form, **{**more, **context})


@acting("tool_detail")
def tool_detail(request: Request, pk: UUID) -> HttpResponse:
    """A tool: what the catalogue says of it, who may touch it, and changing it."""
    tool: Tool = catalogue_entry(request, Tool.objects.all(), pk)
    if away := _away(request, tool, "tool_detail"):
        return away
    form = ToolEditForm(request.POST or None, instance=tool, initial={"seen": upkeep.mark(tool)})
    theirs: list[tuple[str, str]] = []
    if request.method == "POST":
        if not tool.kept_by(request.user):
            raise Denied(upkeep.whose(tool))
        if form.is_valid():
            done, theirs = _saved(
                request,
                form,
                tool,
                lambda **values: upkeep.change_tool(tool=tool, **values),
                lambda saved: ToolEditForm(instance=saved),
            )
            if done:
                messages.success(request, f"{tool.slug} is saved.")
                return redirect("tool_detail", pk)
    return _tool_page(request, tool, form, theirs=theirs)


def _tool_page(request: Request, tool: Tool, form: Any, confirm: Any = None, **context: Any) -> HttpResponse:
    confirm = confirm or ToolConfirmForm(instance=tool, initial={"seen": upkeep.mark(tool)}, auto_id="id_confirm_%s")
    may_confirm = tool.confirmable_by(request.user)
    return _detail(
        request, "registry/tool_detail.html", tool, form, confirm=confirm, may_confirm=may_confirm, **context
    )


@require_POST
@acting("tool_detail")
def tool_confirm(request: Request, pk: UUID) -> HttpResponse:
    """Say what a call of the tool does and touches."""
    tool: Tool = catalogue_entry(request, Tool.objects.all(), pk)
    form = ToolConfirmForm(request.POST, instance=tool, auto_id="id_confirm_%s")
    theirs: list[tuple[str, str]] = []
    if form.is_valid():
        done, theirs = _saved(
            request,
            form,
            tool,
            lambda **values: upkeep.confirm_tool(tool=tool, **values),
            lambda saved: ToolConfirmForm(instance=saved),
        )
        if done:
            effect = Effect(form.cleaned_data["effect"]).label.lower()
            messages.success(request, f"Confirmed: a call of {tool.slug} counts as {effect}.")
            return redirect("tool_detail", pk)
        if getattr(getattr(form, "refusal", None), "status", 0) == 403:
            raise form.refusal  # type: ignore[attr-defined]  # nothing was typed that a page should give back
    edit = ToolEditForm(instance=tool, initial={"seen": upkeep.mark(tool)})
    return _tool_page(request, tool, edit, form, theirs=theirs)


@require_POST
@acting("data_detail")
def data_retire(request: Request, pk: UUID) -> HttpResponse:
    """Retire a data source, or take it back into use."""
    _retire(request, catalogue_entry(request, DataSource.objects.all(), pk))
    return redirect("data_detail", pk)


@require_POST
@acting("tool_detail")
def tool_retire(request: Request, pk: UUID) -> HttpResponse:
    """Retire a tool, or take it back into use."""
    _retire(request, catalogue_entry(request, Tool.objects.all(), pk))
    return redirect("tool_detail", pk)


def _retire(request: Request, entry: Any) -> None:
    if request.POST.get("act") == "restore":
        upkeep.restore(entry=entry, by=request.user)
        messages.success(request, f"{entry} is in use again.")
        return
    seen = request.POST.get("agents", "")
    upkeep.retire(entry=entry, by=request.user, agents_seen=whole(seen, -1))
    messages.success(request, f"{entry} is retired: packets that name it say so, and none can be granted it anew.")
