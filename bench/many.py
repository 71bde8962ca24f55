"""Many agents, by SQL: nobody registers so many in a benchmark's time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

MADE = "bench-many-"


def _fill(agents: int) -> None:
    """As many agents as are lacking to `agents`, of all teams, owners, states, and words common and rare."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE slug LIKE %s) FROM registry_agent", [f"{MADE}%"])
        there, made = cursor.fetchone()
        cursor.execute(
            """WITH teams AS (SELECT array_agg(id ORDER BY slug) AS of FROM accounts_team),
                    owners AS (SELECT array_agg(id ORDER BY email) AS of FROM accounts_person WHERE kind = 'person')
               INSERT INTO registry_agent (id, slug, name, summary, team_id, owner_id, relationship, autonomy, risk_class,
                                           support_path, created_at, status, stage, gate, retired_because)
               SELECT gen_random_uuid(), %s || n,
                      (ARRAY['Loan', 'Card', 'Claims', 'Branch', 'Fraud'])[1 + n %% 5] || ' helper ' || md5(n::text),
                      'Answers questions about matter ' || md5((n %% 997)::text) || ' for colleagues, ticket ' || n,
                      teams.of[1 + n %% cardinality(teams.of)], owners.of[1 + n / 7 %% cardinality(owners.of)],
                      'tool_for_teams', 1 + n / 3 %% 5,
                      (ARRAY['high', 'limited', 'minimal', 'minimal'])[1 + n / 5 %% 4], '', now(),
                      (ARRAY['live', 'live', 'registered', 'draft', 'approved', 'live', 'in_review', 'live', 'suspended'])
                          [1 + n / 11 %% 9], '', (ARRAY['pass', 'pass', 'unknown', 'fail'])[1 + n / 13 %% 4], ''
               FROM generate_series(%s, %s) n, teams, owners""",
            [MADE, made + 1, made + agents - there],
        )
        cursor.execute("SELECT count(*) FROM registry_agent")
        if cursor.fetchone()[0] != agents:
            raise RuntimeError("The agents of the benchmark were not made.")
        # As autovacuum leaves it some minutes later.
        cursor.execute("VACUUM ANALYZE registry_agent")


@contextlib.contextmanager
def many(agents: int) -> Iterator[None]:
    """The demo organisation with `agents` agents in all. Gone again after the outermost use."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_agent WHERE slug LIKE %s", [f"{MADE}%"])
        outermost = not cursor.fetchone()[0]
    try:
        _fill(agents)
        yield
    finally:
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM registry_agent WHERE slug LIKE %s", [f"{MADE}%"])
                cursor.execute("VACUUM ANALYZE registry_agent")
