"""Saving, sharing and removing views of the list of agents.

They are not in the ledger: a view is a bookmark. It changes nothing about an agent and lets nobody see more than before.
"""

from django.db import IntegrityError, transaction

from accounts.models import Person, Team
from registry.models import SavedView
from work import clock
from work.acts import Conflict, Denied, Invalid

MOST = 50
"""How many views one person keeps."""


@transaction.atomic
def save_view(*, name: str, query: str, by: Person, team: Team | None = None) -> SavedView:
    """Keep a filtering under a name; with `team` for everyone in it. Raises Denied, Invalid, Conflict."""
    if team is not None and (by.is_auditor or not by.in_team(team)):
        raise Denied(f"Only members of {team.name} share a view with it.")
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Name the view in at most 80 characters.")
    if not query:
        raise Invalid("Choose a filter or search for something first: this view would show every agent.")
    if len(query) > 2000:
        raise Invalid("Search for fewer words: this view is too long to keep.")
    Person.objects.select_for_update().get(pk=by.pk)
    if by.saved_views.count() >= MOST:
        raise Conflict(f"You keep {MOST} views already. Remove one first.")
    try:
        with transaction.atomic():
            return SavedView.objects.create(person=by, team=team, name=name, query=query, created_at=clock.now())
    except IntegrityError as error:
        raise Conflict(f"You have a view named {name} already. Name this one otherwise, or remove that.") from error


@transaction.atomic
def remove_view(*, view: SavedView, by: Person) -> None:
    """Remove a view, for everyone that it was shared with. Raises Denied."""
    view = SavedView.objects.select_for_update().get(pk=view.pk)
    if view.person_id != by.pk:
        raise Denied("Only who saved a view removes it.")
    view.delete()
