"""Acts on people, teams and roles. Only a platform admin performs them, never on their own roles."""

from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from guardian.shortcuts import assign_perm

from accounts import entries
from accounts.models import Person, RoleGrant, Team
from accounts.roles import Role
from work import clock
from work.acts import Conflict, Denied, Invalid, record


def _admin(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise Denied("Only a platform admin manages people, teams and roles. Ask one of them.")


def _one_admin_at_a_time() -> None:
    # Two admins who end each other's access at the same instant would otherwise leave none.
    Group.objects.select_for_update().filter(name=f"role:{Role.ADMIN}").first()


def _add_person(email: str, name: str, password: str | None, by: Person | None) -> Person:
    if not 0 < len(name.strip()) <= 150:
        raise Invalid("Say the person's name in at most 150 characters: it is printed beside their signature.")
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid(f"{email} is no e-mail address.") from error
    if password is not None:
        try:
            validate_password(password)
        except ValidationError as error:
            raise Invalid(*error.messages) from error
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email=email, name=name.strip(), password=password)
    except IntegrityError as error:
        raise Conflict(f"{email} has an account already.") from error
    record(f"user:{person.pk}", entries.PersonAdded(person=str(person.pk)), by=by)
    return person


@transaction.atomic
def add_person(*, email: str, name: str, password: str | None, by: Person) -> Person:
    """Make an account. Without a password the person sets one through the reset mail.

    Raises Denied for who is no platform admin, Conflict for an address in use, Invalid for a weak password.
    """
    _admin(by)
    return _add_person(email, name, password, by)


@transaction.atomic
def bootstrap_admin(*, email: str, name: str, password: str) -> Person:
    """Make the first platform admin, once. Raises Conflict as soon as there ever was one."""
    # Two at the same moment would both find none: the lock lets one pass.
    Group.objects.select_for_update().get_or_create(name=f"role:{Role.ADMIN}")
    if RoleGrant.objects.filter(role=Role.ADMIN).exists():
        raise Conflict("There is a platform admin already; a platform admin grants further roles on the page People.")
    person = _add_person(email, name, password, None)
    _grant(person, Role.ADMIN, None)
    return person


@transaction.atomic
def deactivate(*, person: Person, by: Person) -> None:
    """End a person's access at once. Their signatures stay; those not yet used by a gate stop counting."""
    _one_admin_at_a_time()
    _admin(by)
    person = Person.objects.select_for_update().get(pk=person.pk)
    if person.pk == by.pk:
        raise Denied("Nobody deactivates themselves. Ask another platform admin.")
    if not person.is_active:
        raise Conflict(f"{person.name} is deactivated already.")
    person.is_active, person.deactivated_at = False, clock.now()
    person.save(update_fields=["is_active", "deactivated_at"])
    record(f"user:{person.pk}", entries.PersonDeactivated(person=str(person.pk)), by=by)


@transaction.atomic
def add_team(*, name: str, by: Person, slug: str = "") -> Team:
    """Make a team, with the group that holds `work_for` on it."""
    _admin(by)
    slug = slug or slugify(name)
    if not slug:
        raise Invalid("A team needs a name with letters or digits.")
    if Team.objects.filter(slug=slug).exists() or Team.objects.filter(name=name).exists():
        raise Conflict(f"There is a team {name} already.")
    team = Team.objects.create(slug=slug, name=name, group=Group.objects.create(name=f"team:{slug}"))
    assign_perm("accounts.work_for", team.group, team)
    record("system", entries.TeamAdded(team=str(team.pk), slug=slug), by=by)
    return team


@transaction.atomic
def join_team(*, person: Person, team: Team, by: Person) -> None:
    """Make `person` a member of `team`. Nothing happens where they are one. An auditor cannot be."""
    _admin(by)
    Person.objects.select_for_update().get(pk=person.pk)
    if person.is_service:
        raise Conflict(f"{person.name} is a service account, which works for the one team that it was made for.")
    if RoleGrant.objects.filter(person=person, role=Role.AUDITOR, revoked_at=None).exists():
        raise Conflict(f"{person.name} is an auditor, and an auditor belongs to no team.")
    if person.groups.filter(pk=team.group_id).exists():
        return
    person.groups.add(team.group)
    record(f"user:{person.pk}", entries.TeamJoined(team=str(team.pk), person=str(person.pk)), by=by)


@transaction.atomic
def leave_team(*, person: Person, team: Team, by: Person) -> None:
    """End `person`'s membership of `team`."""
    _admin(by)
    if person.is_service:
        raise Conflict(f"{person.name} is a service account of {team.name}. Retire it instead.")
    if not person.groups.filter(pk=team.group_id).exists():
        raise Conflict(f"{person.name} is not in {team.name}.")
    person.groups.remove(team.group)
    record(f"user:{person.pk}", entries.TeamLeft(team=str(team.pk), person=str(person.pk)), by=by)


def _grant(person: Person, role: str, by: Person | None) -> RoleGrant:
    try:
        with transaction.atomic():
            grant = RoleGrant.objects.create(person=person, role=role, granted_by=by, granted_at=clock.now())
    except IntegrityError as error:
        if "auditor" in str(error):
            raise Conflict(
                f"An auditor holds no other role. Revoke {person.name}'s other roles first, or choose someone else."
            ) from error
        raise Conflict(f"{person.name} holds the role {Role(role).label} already.") from error
    person.groups.add(Group.objects.get_or_create(name=f"role:{role}")[0])
    record(f"user:{person.pk}", entries.RoleGranted(person=str(person.pk), role=role, grant=grant.pk), by=by)
    return grant


@transaction.atomic
def grant_role(*, person: Person, role: str, by: Person) -> RoleGrant:
    """Grant `role`. It counts after GRANT_WAIT_HOURS. Nobody grants to themselves; an auditor holds nothing else."""
    _admin(by)
    if role not in Role.values:
        raise Invalid(f"There is no role {role}. Choose one of {', '.join(Role.values)}.")
    person = Person.objects.select_for_update().get(pk=person.pk)
    if person.pk == by.pk:
        raise Denied("Nobody grants a role to themselves. Ask another platform admin.")
    if not person.is_active:
        raise Conflict(f"{person.name} is deactivated.")
    if person.is_service:
        raise Conflict(f"{person.name} is a service account, and a service account holds no role.")
    if role == Role.AUDITOR and Team.objects.filter(group__user=person).exists():
        raise Conflict(f"{person.name} belongs to a team, and an auditor belongs to none.")
    return _grant(person, role, by)


@transaction.atomic
def revoke_role(*, person: Person, role: str, by: Person) -> None:
    """End a role at once: sign-offs given in it and not yet used by a gate stop counting."""
    _one_admin_at_a_time()
    _admin(by)
    grant = RoleGrant.objects.select_for_update().filter(person=person, role=role, revoked_at=None).first()
    if grant is None:
        raise Conflict(f"{person.name} does not hold the role {role}.")
    if person.pk == by.pk:
        raise Denied("Nobody revokes their own role. Ask another platform admin.")
    grant.revoked_at = clock.now()
    grant.save(update_fields=["revoked_at"])
    person.groups.remove(*Group.objects.filter(name=f"role:{role}"))
    record(f"user:{person.pk}", entries.RoleRevoked(person=str(person.pk), role=role, grant=grant.pk), by=by)


@transaction.atomic
def record_sign_in(sender: Any, request: Any, user: Person, **kwargs: Any) -> None:
    """Receiver of allauth's signal: who signed in, in that person's stream."""
    record(f"user:{user.pk}", entries.SignedIn(person=str(user.pk), method="password"), by=user)


@transaction.atomic
def record_failed_sign_in(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    """Receiver of Django's signal. An address without an account leaves no trace: there is nobody to tell."""
    address = str(credentials.get("email") or credentials.get("username") or "").lower()
    person = Person.objects.filter(email=address).first()
    if person:
        record(f"user:{person.pk}", entries.SignInFailed(person=str(person.pk)), by=None)
