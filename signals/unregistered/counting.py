"""Counting what no agent claims, source by source, in the transaction that changed what the source holds.

One statement reads the lines without an agent through a partial index, so what it costs grows with what is untied and
not with what was ever pulled; pages read only what was counted.
"""

import datetime as dt
from typing import Any

from django.db import connection, transaction

from signals.models import Source
from work import clock

NAMING_TAGS = ("agent", "agent_name", "ai_agent", "assistant", "bot", "application", "app", "workload")
"""Tags whose value names what ran, the most telling first; each also with capitals."""
KEY_TAGS = ("api_key_id", "api_key_name", "api_key", "key_id", "key_name", "key")
"""Tags whose value names the key that was used."""
TEAM_TAGS = ("team", "department", "squad")
OWNER_TAGS = ("owner", "contact", "created_by", "user")
CENTRE_TAGS = ("cost_centre", "cost_center", "costcentre", "costcenter", "cost-center", "cost-centre")
KEY_DAYS = 90
"""Uses of a key count for so many days."""
LONGEST = 500

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('signals.sightings', 0))"


def _spelled(names: tuple[str, ...]) -> list[str]:
    return [way for name in names for way in (name, name.capitalize(), name.upper())]


def _first_of(names: tuple[str, ...]) -> str:
    return "coalesce(" + ", ".join(f"nullif(raw.tags ->> '{name}', '')" for name in _spelled(names)) + ")"


def _most(column: str) -> str:
    return f"(array_agg({column} ORDER BY lines DESC) FILTER (WHERE {column} <> ''))[1]"


_WAYS = [*_spelled(NAMING_TAGS), *_spelled(KEY_TAGS)]
_TAGS_LAST = len(_spelled(NAMING_TAGS))
_PLACE = " ".join(f"WHEN raw.tags ->> '{name}' <> '' THEN {place}" for place, name in enumerate(_WAYS, start=1))
_NAMES = "(ARRAY[" + ", ".join(f"'{name}'" for name in _WAYS) + "])"
# First by what lines have in common, which are few, then what each of those is called.
_COSTS = f"""
CREATE TEMPORARY TABLE counted ON COMMIT DROP AS
WITH raw AS (
    SELECT tags, sub_account_id, sub_account_name, service_name, provider_name, billing_currency AS currency,
           count(*) AS lines, sum(effective_cost) AS amount,
           min(charge_period_start) AS first_seen, max(charge_period_start) AS last_seen
    FROM signals_costline WHERE source_id = %s AND agent_id IS NULL
    GROUP BY tags, sub_account_id, sub_account_name, service_name, provider_name, billing_currency
), named AS (
    SELECT raw.*, {_first_of(TEAM_TAGS)} AS team, {_first_of(OWNER_TAGS)} AS owner, {_first_of(CENTRE_TAGS)} AS centre,
           CASE {_PLACE} WHEN sub_account_id <> '' THEN 901 WHEN sub_account_name <> '' THEN 902 ELSE 903 END AS place
    FROM raw
), told AS (
    SELECT named.*, CASE WHEN place <= {_TAGS_LAST} THEN 'tag' WHEN place < 900 THEN 'key' WHEN place = 901 THEN 'sub_account'
               WHEN place = 902 THEN 'project' ELSE 'service' END AS kind,
           CASE WHEN place < 900 THEN {_NAMES}[place] ELSE '' END AS name,
           CASE WHEN place < 900 THEN left(tags ->> {_NAMES}[place], {LONGEST}) WHEN place = 901 THEN sub_account_id
               WHEN place = 902 THEN sub_account_name ELSE service_name END AS value
    FROM named
)
SELECT kind, name, value, currency, sum(lines) AS lines, sum(amount) AS amount,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen,
       jsonb_strip_nulls(jsonb_build_object(
           'team', left({_most("team")}, 200), 'owner', left({_most("owner")}, 200),
           'cost_centre', left({_most("centre")}, 200), 'sub_account', {_most("sub_account_id")},
           'project', {_most("sub_account_name")}, 'service', {_most("service_name")},
           'provider', {_most("provider_name")})) AS said
FROM told WHERE value <> '' GROUP BY kind, name, value, currency"""
_EVALS = """
CREATE TEMPORARY TABLE counted ON COMMIT DROP AS
SELECT CASE WHEN agent_named <> '' THEN 'eval_agent' ELSE 'eval_task' END AS kind, '' AS name,
       CASE WHEN agent_named <> '' THEN agent_named ELSE task END AS value, '' AS currency,
       count(*) AS lines, NULL::numeric AS amount,
       min(coalesce(completed_at, started_at)) AS first_seen, max(coalesce(completed_at, started_at)) AS last_seen,
       jsonb_strip_nulls(jsonb_build_object('task', max(task), 'model', max(model))) AS said
FROM signals_evalrun WHERE source_id = %s AND agent_id IS NULL AND (agent_named <> '' OR task <> '')
GROUP BY 1, 3"""
_KEEP = [
    "INSERT INTO signals_sighting (id, kind, name, value, state, reason, lines, first_seen, last_seen)"
    " SELECT gen_random_uuid(), kind, name, value, 'open', '', 0, min(first_seen), max(last_seen)"
    " FROM counted GROUP BY kind, name, value ON CONFLICT (kind, name, value) DO NOTHING",
    "CREATE TEMPORARY TABLE touched ON COMMIT DROP AS SELECT sighting_id AS id FROM signals_sightingtally"
    " WHERE source_id = %(source)s UNION SELECT s.id FROM signals_sighting s JOIN counted c USING (kind, name, value)",
    "DELETE FROM signals_sightingtally WHERE source_id = %(source)s",
    "INSERT INTO signals_sightingtally (sighting_id, source_id, currency, amount, lines, first_seen, last_seen, said)"
    " SELECT s.id, %(source)s, c.currency, c.amount, c.lines, c.first_seen, c.last_seen, c.said"
    " FROM counted c JOIN signals_sighting s USING (kind, name, value)",
    "UPDATE signals_sighting s SET lines = coalesce(t.lines, 0),"
    " first_seen = least(s.first_seen, t.first_seen), last_seen = coalesce(t.last_seen, s.last_seen)"
    " FROM touched LEFT JOIN (SELECT sighting_id, sum(lines) AS lines, min(first_seen) AS first_seen,"
    " max(last_seen) AS last_seen FROM signals_sightingtally GROUP BY sighting_id) t ON t.sighting_id = touched.id"
    " WHERE s.id = touched.id",
    "DROP TABLE counted, touched",
]
_KEYS = [
    "DELETE FROM signals_keyuse WHERE source_id = %(source)s",
    "INSERT INTO signals_keyuse (source_id, name, value, agent_id, lines, last_seen)"
    " SELECT source_id, way, left(tags ->> way, 500), agent_id, count(*), max(charge_period_start)"
    " FROM signals_costline, unnest(%(names)s::text[]) way"
    " WHERE source_id = %(source)s AND agent_id IS NOT NULL AND charge_period_end >= %(since)s"
    " AND tags ?| %(names)s AND tags ->> way <> ''"
    " GROUP BY source_id, way, left(tags ->> way, 500), agent_id",
]


def count_source(source: Source) -> None:
    """Count anew what `source` holds that no agent claims. Inside the transaction that changed what it holds."""
    values: dict[str, Any] = {"source": source.pk}
    costs, since = source.kind == Source.Kind.FOCUS, clock.now() - dt.timedelta(days=KEY_DAYS)
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time: whoever comes second reads what the first has committed, so that none counts what is no more.
        cursor.execute(_LOCK)
        cursor.execute(_COSTS if costs else _EVALS, [source.pk])
        for sql in _KEEP:
            cursor.execute(sql, values)
        if costs:
            for sql in _KEYS:
                cursor.execute(sql, {**values, "names": _spelled(KEY_TAGS), "since": since})


def count_costs() -> None:
    """Count every source of costs anew, after lines were tied anew."""
    for source in Source.objects.filter(kind=Source.Kind.FOCUS).order_by("pk"):
        count_source(source)
