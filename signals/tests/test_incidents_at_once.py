"""Two people close one incident at once: one does, the other is told who did."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from signals.incidents.actions import close_incident, report_incident
from signals.incidents.models import Incident
from work import clock
from work.acts import Conflict


def test_one_closes_it_and_the_other_is_told(committed_world):
    world, both = committed_world, Barrier(2)
    made = report_incident(
        agent=world.agent,
        happened_at=clock.now() - dt.timedelta(hours=1),
        severity="critical",
        what="It wired money twice.",
        by=world.bystander,
    )

    def close(who):
        try:
            by = world.person(who)
            both.wait()
            close_incident(incident=made, outcome=f"Done by {who}.", by=by)
        except Conflict as conflict:
            return str(conflict)
        finally:
            connection.close()
        return who

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(close, ["owner", "deputy"]))
    row = Incident.objects.select_related("closed_by").get()
    [winner] = [one for one in said if one in ("owner", "deputy")]
    [loser] = [one for one in said if one != winner]
    assert row.closed_by == world.person(winner) and row.outcome == f"Done by {winner}."
    assert loser.startswith(f"{row.closed_by.name} closed this incident before")
    assert len(world.entries(world.agent.stream, "incident.closed")) == 1
