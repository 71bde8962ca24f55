"""`manage.py bootstrap_admin`: the first platform admin of a new installation."""

from __future__ import annotations

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import bootstrap_admin
from work.acts import Conflict, Denied, Invalid


class Command(BaseCommand):
    """Makes the first platform admin; the password is asked for, or read from PORTCULLIS_ADMIN_PASSWORD."""

    help = "Make the first platform admin of a new installation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        # Never an argument: arguments are readable by everybody on the machine.
        password = os.environ.get("PORTCULLIS_ADMIN_PASSWORD") or getpass.getpass("Password (12 characters or more): ")
        try:
            bootstrap_admin(email=options["email"], name=options["name"], password=password)
        except (Conflict, Denied, Invalid) as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{options['email']} is platform admin.")
