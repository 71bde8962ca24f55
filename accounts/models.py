"""People, teams, the roles that are granted to people; service accounts and API tokens."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    Group,
    PermissionsMixin,
)
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from guardian.shortcuts import get_perms

from accounts.roles import APPROVER_ROLES, Role, Scope
from work import clock


class PersonQuerySet(models.QuerySet["Person"]):
    """People, as others see them."""

    def visible_to(self, user: "Person") -> "PersonQuerySet":
        """Everyone signed in sees who is who: an owner or approver that cannot be named cannot be asked."""
        return self if user.is_authenticated else self.none()

    def people(self) -> "PersonQuerySet":
        """Those who are people: not the identities of service accounts."""
        return self.filter(kind=Person.Kind.PERSON)

    def holding(self, role: str, at: dt.datetime | None = None) -> "PersonQuerySet":
        """Active people who hold `role` at `at` (now), past the wait for new grants."""
        grants = RoleGrant.objects.in_force(at or clock.now()).filter(role=role)
        return self.filter(is_active=True, grants__in=grants).distinct()


class PersonManager(BaseUserManager.from_queryset(PersonQuerySet)):  # type: ignore[misc]
    """Makes rows for `accounts.actions`; everything else goes through those actions."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        """A person with a hashed password. Used by actions and by allauth's password reset, never by a view."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email=(username or "").lower())


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in. Never deleted, and the id never reused: signatures refer to it for ever.

    A service account acts as a person of kind "service", so that what it did has an author like everything else. It has
    no password and holds no role, which the database sees to.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON, editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)
    deactivated_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    is_staff = False  # there is no back door past the actions
    token: "ApiToken | None" = None
    """The API token that this request came with; None for a browser's session and for tasks."""

    objects = PersonManager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="email_is_lower_case"),
            models.CheckConstraint(condition=Q(kind__in=["person", "service"]), name="kind_is_known"),
            # "!" begins a password that nothing matches: a service account never signs in.
            models.CheckConstraint(
                condition=Q(kind="person") | Q(password__startswith="!", is_superuser=False),
                name="service_never_signs_in",
            ),
        ]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        """The person's name, as allauth and templates ask for it."""
        return self.name

    @property
    def is_service(self) -> bool:
        """Whether this is a service account's identity, not somebody."""
        return self.kind == self.Kind.SERVICE

    @cached_property
    def roles(self) -> frozenset[str]:
        """Roles in force now. Cached for one request; an act asks `holds`, which does not cache."""
        return frozenset(RoleGrant.objects.in_force(clock.now()).filter(person=self).values_list("role", flat=True))

    def holds(self, role: str, at: dt.datetime | None = None) -> bool:
        """Whether this person, active, holds `role` at `at` (now)."""
        # Asked of the database: who was deactivated since this object was read holds nothing.
        grants = RoleGrant.objects.in_force(at or clock.now())
        return grants.filter(person=self, role=role, person__is_active=True).exists()

    @property
    def is_auditor(self) -> bool:
        """Sees everything, changes nothing."""
        return Role.AUDITOR in self.roles

    @property
    def is_admin(self) -> bool:
        """Platform admin: people, roles, sources, catalogue."""
        return Role.ADMIN in self.roles

    @property
    def sees_all(self) -> bool:
        """Auditors and platform admins see every row."""
        return self.is_auditor or self.is_admin

    @property
    def approver_roles(self) -> list[str]:
        """The roles in force in which this person may sign off."""
        return [role for role in APPROVER_ROLES if role in self.roles]

    @cached_property
    def team_ids(self) -> frozenset[uuid.UUID]:
        """The teams this person works for. Cached for one request."""
        return frozenset(Team.objects.filter(group__user=self).values_list("pk", flat=True))

    def in_team(self, team: "Team") -> bool:
        """Whether this person may act for `team`: django-guardian's object permission, held through the team's group."""
        return self.is_active and "work_for" in get_perms(self, team)

    @property
    def role_names(self) -> list[str]:
        """The names of the roles in force, in the order of their definition."""
        return [str(role.label) for role in Role if role in self.roles]


class TeamQuerySet(models.QuerySet["Team"]):
    """Teams, as people see them."""

    def visible_to(self, user: Person) -> "TeamQuerySet":
        """Every agent's card names its team, so everyone signed in sees the teams."""
        return self if user.is_authenticated else self.none()

    def of(self, user: Person) -> "TeamQuerySet":
        """The teams for which `user` may act."""
        return self.filter(group__user=user)


class Team(models.Model):
    """A team that owns agents. Its group carries the object permission `work_for` on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=150, unique=True)
    group = models.OneToOneField(Group, on_delete=models.PROTECT)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [("work_for", "Registers, edits and submits for this team")]

    def __str__(self) -> str:
        return self.name


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    """Grants by their time."""

    def in_force(self, at: dt.datetime) -> "RoleGrantQuerySet":
        """Grants that count at `at`: made at least GRANT_WAIT_HOURS before, and not revoked by then.

        The first platform admin's, which nobody granted, counts at once: there is no second admin to wait for.
        """
        waited = at - dt.timedelta(hours=settings.GRANT_WAIT_HOURS)
        made = Q(granted_at__lte=waited) | Q(granted_by=None, granted_at__lte=at)
        return self.filter(made, Q(revoked_at=None) | Q(revoked_at__gt=at))


class RoleGrant(models.Model):
    """One person's role, from when until when, and by whom. Revoking ends the row; a new grant is a new row."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    granted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["person", "role"], condition=Q(revoked_at=None), name="one_open_grant"),
            models.CheckConstraint(
                condition=Q(granted_by=None) | ~Q(granted_by=models.F("person")), name="no_self_grant"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
            # An auditor holds nothing else: one open grant of theirs excludes an open grant of any other kind.
            ExclusionConstraint(
                name="auditor_holds_nothing_else",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    (
                        Case(
                            When(role=Role.AUDITOR, then=Value(1)), default=Value(0), output_field=models.IntegerField()
                        ),
                        RangeOperators.NOT_EQUAL,
                    ),
                ],
                condition=Q(revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.role}"


class ServiceAccountQuerySet(models.QuerySet["ServiceAccount"]):
    """Service accounts, as people see them."""

    def visible_to(self, user: Person) -> "ServiceAccountQuerySet":
        """The team's; platform admins and auditors all."""
        if not user.is_authenticated:
            return self.none()
        return self if user.sees_all else self.filter(team__in=user.team_ids)


class ServiceAccount(models.Model):
    """A machine identity of a team. It registers, drafts and sends signals through its tokens, and decides nothing."""

    person = models.OneToOneField(Person, on_delete=models.PROTECT, primary_key=True, related_name="service")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    purpose = models.CharField(max_length=300)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = ServiceAccountQuerySet.as_manager()

    class Meta:
        ordering = ["person__name", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.person.name


LONGEST = dt.timedelta(days=365)
"""How long an API token may last."""


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, as people see them: name and prefix, never the token."""

    def visible_to(self, user: Person) -> "ApiTokenQuerySet":
        """One's own, and those of one's teams' service accounts; platform admins and auditors all."""
        if not user.is_authenticated:
            return self.none()
        return self if user.sees_all else self.filter(Q(person=user) | Q(person__service__team__in=user.team_ids))


class ApiToken(models.Model):
    """A key to the API. Only its SHA-256 is kept: 32 random bytes cannot be guessed, so a slow hash would add nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope.choices))
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at"), expires_at__lte=models.F("created_at") + LONGEST),
                name="token_ends_within_a_year",
            ),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=list(Scope.values), scopes__len__gt=0), name="token_scopes_are_known"
            ),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="token_digest_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        """revoked, expired or valid, at the clock's time."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= clock.now() else "valid"

    @property
    def scope_names(self) -> list[str]:
        """The scopes in the order of their definition."""
        return [scope.value for scope in Scope if scope.value in self.scopes]
