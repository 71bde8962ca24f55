"""Load the demo organisation into an empty portal, once."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Person
from portal.demo.story import Story
from work import clock


class Command(BaseCommand):
    """`manage.py load_demo`: Halden Bank, its agents and their history, and the file `demo-sign-ins.json`."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing: killed half-way, nothing is there and the next start begins anew."""
        if not settings.DEMO:
            raise CommandError("The demo organisation is loaded only with DEMO=true: its passwords are in a file.")
        if Person.objects.exists():
            self.stdout.write("People are here already; the demo organisation is not loaded again.")
            return
        story = Story(clock.now(), lambda line: self.stdout.write(f"  {line}"))
        path = settings.VAR_DIR / "demo-sign-ins.json"
        with transaction.atomic():
            story.tell()
            # Inside the transaction: people whose password nobody knows would be worse than a file without people.
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(json.dumps(story.sign_ins(), indent=2) + "\n")
