"""API tokens and service accounts: making, checking, ending them."""

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from accounts import entries
from accounts.actors import in_person
from accounts.models import LONGEST, ApiToken, Person, ServiceAccount, Team
from accounts.roles import Role, Scope
from ledger.canonical import timestamp
from work import clock
from work.acts import Conflict, Denied, Invalid, record

MARK = "ptc"
"""What every token begins with, so that scanners of repositories can find one that leaked."""
USED_EVERY = dt.timedelta(minutes=1)
"""How exactly the last use is kept: one write a minute, not one a request."""


@dataclass(frozen=True)
class NewToken:
    """A token as its maker sees it, once: `secret` is kept nowhere."""

    token: ApiToken
    secret: str


def may_manage(team: Team, by: Person) -> bool:
    """Whether `by` may make, equip and retire the service accounts of `team`: its members, and platform admins."""
    return not by.is_service and (by.holds(Role.ADMIN) or by.in_team(team))


@transaction.atomic
def add_service_account(*, team: Team, name: str, purpose: str, by: Person) -> ServiceAccount:
    """Make a machine identity of `team`, without a token yet. Raises Denied, Invalid."""
    in_person(by, "makes service accounts")
    if not may_manage(team, by):
        raise Denied(f"Only members of {team.name} and platform admins make its service accounts.")
    problems = []
    if not 0 < len(name.strip()) <= 150:
        problems.append("Name it in at most 150 characters, for example Lending build server.")
    if not 0 < len(purpose.strip()) <= 300:
        problems.append("Say in at most 300 characters what runs with it, and where.")
    if problems:
        raise Invalid(*problems)
    # RFC 2606 keeps .invalid for addresses that no mail ever reaches.
    person = Person(name=name.strip(), kind=Person.Kind.SERVICE, created_at=clock.now())
    person.email = f"{person.pk}@service.invalid"
    person.set_unusable_password()
    person.save(force_insert=True)
    person.groups.add(team.group)
    service = ServiceAccount.objects.create(
        person=person, team=team, purpose=purpose.strip(), created_by=by, created_at=clock.now()
    )
    record(
        f"user:{person.pk}",
        entries.ServiceAccountAdded(service=str(person.pk), team=str(team.pk)),
        by=by,
    )
    return service


@transaction.atomic
def retire_service_account(*, service: ServiceAccount, by: Person) -> None:
    """End a service account and every token of it, at once. What it did stays on record."""
    in_person(by, "retires service accounts")
    if not may_manage(service.team, by):
        raise Denied(f"Only members of {service.team.name} and platform admins retire its service accounts.")
    person = Person.objects.select_for_update().get(pk=service.pk)
    if not person.is_active:
        raise Conflict(f"{person.name} is retired already.")
    person.is_active, person.deactivated_at = False, clock.now()
    person.save(update_fields=["is_active", "deactivated_at"])
    record(f"user:{person.pk}", entries.ServiceAccountRetired(service=str(person.pk)), by=by)


@transaction.atomic
def make_token(*, person: Person, name: str, scopes: list[str], days: int, by: Person) -> NewToken:
    """Make a token of `person`: one's own, or a service account's that one may manage. It lasts `days`, 1 to 365.

    Raises Denied, Conflict for somebody who has left, Invalid.
    """
    in_person(by, "makes another token")
    person = Person.objects.select_for_update().get(pk=person.pk)
    if person.is_service:
        if not may_manage(person.service.team, by):
            raise Denied(f"Only members of {person.service.team.name} and platform admins make its tokens.")
    elif person.pk != by.pk:
        raise Denied("Everybody makes their own tokens. For a machine, make a service account.")
    if not person.is_active:
        raise Conflict(f"{person.name} is deactivated.")
    problems = []
    if not 0 < len(name.strip()) <= 100:
        problems.append("Name the token in at most 100 characters after what uses it.")
    if not scopes or not set(scopes) <= set(Scope.values):
        problems.append(f"Choose what it may be used for: {', '.join(Scope.values)}.")
    if not 1 <= days <= LONGEST.days:
        problems.append(f"A token lasts 1 to {LONGEST.days} days.")
    if problems:
        raise Invalid(*problems)
    prefix = f"{MARK}_{secrets.token_hex(6)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    now = clock.now()
    token = ApiToken.objects.create(
        person=person,
        name=name.strip(),
        prefix=prefix,
        sha256=_digest(secret),
        scopes=[scope for scope in Scope.values if scope in scopes],
        created_by=by,
        created_at=now,
        expires_at=now + dt.timedelta(days=days),
    )
    record(
        f"user:{person.pk}",
        entries.TokenMade(
            token=str(token.pk),
            person=str(person.pk),
            prefix=prefix,
            scopes=token.scopes,
            expires_at=timestamp(token.expires_at),
        ),
        by=by,
    )
    return NewToken(token, secret)


@transaction.atomic
def revoke_token(*, token: ApiToken, by: Person) -> None:
    """End a token at once: its holder, its team's members, any platform admin. Raises Denied, Conflict."""
    in_person(by, "revokes tokens")
    token = ApiToken.objects.select_for_update(of=("self",)).select_related("person").get(pk=token.pk)
    mine = token.person_id == by.pk or by.holds(Role.ADMIN)
    if not mine and not (token.person.is_service and may_manage(token.person.service.team, by)):
        raise Denied("Only its holder and platform admins revoke a token.")
    if token.revoked_at is not None:
        raise Conflict(f"{token.name} is revoked already.")
    token.revoked_at = clock.now()
    token.save(update_fields=["revoked_at"])
    record(f"user:{token.person_id}", entries.TokenRevoked(token=str(token.pk), prefix=token.prefix), by=by)


def bearer(secret: str) -> ApiToken:
    """The valid token that `secret` is, with its person; notes the use. Raises Denied with the reason otherwise.

    A token of somebody who has left is as good as none, checked at every use.
    """
    prefix = "_".join(secret.split("_", 2)[:2])
    # A NUL or worse in a header must not reach the database as text.
    known = prefix.isascii() and prefix.isprintable() and len(prefix) <= 16
    token = ApiToken.objects.select_related("person").filter(prefix=prefix).first() if known else None
    # Compared also where no token has the prefix, so that the time taken says nothing.
    if not hmac.compare_digest(token.sha256 if token else "0" * 64, _digest(secret)) or token is None:
        raise Denied("This is no token of ours. Make one under your account.")
    if not token.person.is_active:
        raise Denied("The holder of this token has left.")
    if token.state != "valid":
        raise Denied(f"This token is {token.state}. Make a new one under your account.")
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    token.person.token = token
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
