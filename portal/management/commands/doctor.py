"""`manage.py doctor`: says in a few lines what works and what does not."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from portal import health


class Command(BaseCommand):
    """Prints the health of database, broker, worker and beat; exit code 1 if one is not well."""

    help = "Say whether database, broker, worker and beat work."

    def handle(self, *args: Any, **options: Any) -> None:
        parts = health.report()
        for name, state in parts.items():
            self.stdout.write(f"{name:<10}{state}")
        if set(parts.values()) != {"ok"}:
            sys.exit(1)
