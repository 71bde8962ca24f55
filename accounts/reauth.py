"""Proof that the person at the keyboard is who is signed in, asked for again at every signature."""

import datetime as dt
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from accounts.entries import ReauthenticationFailed
from accounts.models import Person
from ledger.canonical import timestamp
from ledger.models import LedgerEntry
from work import clock
from work.acts import Denied, record

VALID = dt.timedelta(minutes=2)
FAILURES, WINDOW = 5, dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Proof:
    """That `person` gave their password (and code) at `at`. Only `confirm` makes one for a browser's session."""

    person: Person
    method: str
    at: dt.datetime

    def holds_for(self, person: Person) -> bool:
        """Whether the proof is this person's and still fresh."""
        return self.person.pk == person.pk and dt.timedelta(0) <= clock.now() - self.at <= VALID


def needs_code(person: Person) -> bool:
    """Whether this person has set up one-time codes, which then are asked for."""
    return Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists()


def confirm(person: Person, password: str, code: str = "") -> Proof:
    """Check the password, and the one-time code where the person has one set up.

    Raises Denied, and records the failure (21 CFR 11.300(d)); after five in ten minutes nothing is tried any more.
    """
    wrong = ""
    with transaction.atomic():
        # Attempts of one person wait for each other, so that many at once are still counted one by one.
        person = Person.objects.select_for_update().get(pk=person.pk)
        failed = LedgerEntry.objects.filter(stream=f"user:{person.pk}", kind=ReauthenticationFailed.kind)
        since = timestamp(clock.now() - WINDOW)
        if sum(entry.record["at"] > since for entry in failed.order_by("-stream_seq")[:FAILURES]) >= FAILURES:
            raise Denied("Too many wrong passwords. Wait ten minutes, then try again.")
        totp = Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).first()
        if not person.check_password(password):
            wrong = "password"
        elif totp and not TOTP(totp).validate_code(code.strip()):
            wrong = "code"
        if wrong:
            record(f"user:{person.pk}", ReauthenticationFailed(person=str(person.pk), what=wrong), by=person)
    if wrong == "password":
        raise Denied("The password is wrong. Nothing was signed; what you wrote is kept below.")
    if wrong == "code":
        raise Denied("The one-time code is wrong or was used already. Nothing was signed; take the next code.")
    return Proof(person, "password+totp" if totp else "password", clock.now())
