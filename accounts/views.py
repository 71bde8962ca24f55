"""People, their teams and roles; one's own account."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts import actions
from accounts.forms import MembershipForm, PersonForm, RoleForm, TeamForm
from accounts.models import ApiToken, Person, RoleGrant, Team
from accounts.requests import Request
from accounts.roles import Role
from web.errors import Denied, Invalid
from web.views import acting, kept, page, paged


def people_list(request: Request) -> HttpResponse:
    """Who is who: names, teams, roles. Platform admins and auditors also see who has left."""
    people = Person.objects.visible_to(request.user).people()
    if not request.user.sees_all:
        people = people.filter(is_active=True)
    if words := request.GET.get("q", "").strip():
        people = people.filter(Q(name__icontains=words) | Q(email__icontains=words))
    if (role := request.GET.get("role", "")) in Role.values:
        people = people.filter(pk__in=Person.objects.holding(role).values("pk"))
    rows = paged(request, people.order_by("name", "pk").prefetch_related(
        Prefetch("groups__team", queryset=Team.objects.visible_to(request.user)),
        Prefetch("grants", queryset=RoleGrant.objects.filter(revoked_at=None).order_by("granted_at"), to_attr="open"),
    ))  # fmt: skip
    lines = [
        (person, [group.team for group in person.groups.all() if hasattr(group, "team")], person.open)
        for person in rows
    ]
    context = {"rows": rows, "lines": lines, "roles": Role.choices, "role": role}
    return page(request, "accounts/people_list.html", context, part="rows")


def person_me(request: Request) -> HttpResponse:
    """One's own account: what one is here, and how one signs in."""
    return page(
        request,
        "accounts/me.html",
        {
            "teams": Team.objects.visible_to(request.user).of(request.user),
            "grants": request.user.grants.filter(revoked_at=None).select_related("granted_by"),
            "wait_hours": settings.GRANT_WAIT_HOURS,
            "needs_factor": settings.REQUIRE_APPROVER_MFA and bool(request.user.approver_roles),
        },
    )


def person_detail(request: Request, pk: UUID) -> HttpResponse:
    """One person; a platform admin changes teams and roles here."""
    person = get_object_or_404(Person.objects.visible_to(request.user), pk=pk)
    if person.is_service:
        return redirect("service_detail", person.pk)
    return page(
        request,
        "accounts/person.html",
        {
            "person": person,
            "teams": Team.objects.visible_to(request.user).of(person),
            "grants": person.grants.filter(revoked_at=None).select_related("granted_by"),
            "past": person.grants.exclude(revoked_at=None).select_related("granted_by").order_by("-revoked_at"),
            "manages": request.user.is_admin,
            "tokens": ApiToken.objects.visible_to(request.user)
            .filter(person=person)
            .select_related("created_by", "person")
            if request.user.sees_all
            else (),
            "role_form": RoleForm(),
            "team_form": MembershipForm(person=request.user),
            "wait_hours": settings.GRANT_WAIT_HOURS,
        },
    )


@acting("people_list")
def person_new(request: Request) -> HttpResponse:
    """Make an account, and put it in a team."""
    _admin(request)
    form = PersonForm(request.POST or None, person=request.user)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with kept(form), transaction.atomic():
            person = actions.add_person(
                email=given["email"], name=given["name"], password=given["password"], by=request.user
            )
            if given["team"]:
                actions.join_team(person=person, team=given["team"], by=request.user)
            messages.success(request, f"{person.name} can sign in now.")
            return redirect("person_detail", person.pk)
    return page(request, "accounts/person_new.html", {"form": form})


@acting("people_list")
def team_new(request: Request) -> HttpResponse:
    """Make a team."""
    _admin(request)
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            team = actions.add_team(name=form.cleaned_data["name"], by=request.user)
            messages.success(request, f"{team.name} is a team now. Open a person to make them a member.")
            return redirect("people_list")
    return page(request, "accounts/team_new.html", {"form": form})


@require_POST
@acting("person_detail")
def person_role(request: Request, pk: UUID) -> HttpResponse:
    """Grant a role, or with `revoke` end it."""
    person = get_object_or_404(Person.objects.visible_to(request.user), pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose one of the roles.")
    role = form.cleaned_data["role"]
    if "revoke" in request.POST:
        actions.revoke_role(person=person, role=role, by=request.user)
        messages.success(request, f"{person.name} is no longer {Role(role).label}.")
    else:
        actions.grant_role(person=person, role=role, by=request.user)
        wait = settings.GRANT_WAIT_HOURS
        after = f"; it counts in {wait} hours" if wait else ""
        messages.success(request, f"{person.name} is {Role(role).label} now{after}.")
    return redirect("person_detail", person.pk)


@require_POST
@acting("person_detail")
def person_team(request: Request, pk: UUID) -> HttpResponse:
    """Make a person a member of a team, or with `leave` end it."""
    person = get_object_or_404(Person.objects.visible_to(request.user), pk=pk)
    form = MembershipForm(request.POST, person=request.user)
    if not form.is_valid():
        raise Invalid("Choose one of the teams.")
    team = form.cleaned_data["team"]
    act = actions.leave_team if "leave" in request.POST else actions.join_team
    act(person=person, team=team, by=request.user)
    messages.success(request, f"{person.name} {'left' if 'leave' in request.POST else 'is in'} {team.name}.")
    return redirect("person_detail", person.pk)


@require_POST
@acting("person_detail")
def person_deactivate(request: Request, pk: UUID) -> HttpResponse:
    """End a person's access."""
    person = get_object_or_404(Person.objects.visible_to(request.user), pk=pk)
    actions.deactivate(person=person, by=request.user)
    messages.success(request, f"{person.name} can no longer sign in. Their signatures stay on record.")
    return redirect("person_detail", person.pk)


def _admin(request: Request) -> None:
    """The action checks it too; this keeps a form from being shown that would be refused."""
    if not request.user.is_admin:
        raise Denied("Only a platform admin manages people, teams and roles. Ask one of them.")
