"""Finding agents, packets, tools and data sources by their words, and agents by what they are filtered by.

Each row carries its words as a tsvector that triggers keep (`migrations/finding.sql`). What a person typed becomes words
alone: nothing that has a meaning in a query reaches PostgreSQL, so nothing typed can fail.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BooleanField, Case, F, Func, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from accounts.models import Person
from registry.models import Agent, AgentCount, DataSource, Packet, Tool
from registry.vocabulary import AgentStatus, Gate
from web.keyset import decoded, encoded

MOST_WORDS, LONGEST_WORD = 8, 60
NEAR = 1000
"""How many rows of a list are looked through in its own order before the index of words is asked for all that fit."""
CANDIDATES = 300
"""Among how many hits a search chooses the best. A word that so many share says little."""
MARKS = str.maketrans(dict.fromkeys("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", " "))


def words_of(said: str) -> list[str]:
    """The words of what somebody typed: no marks, no control characters; the first MOST_WORDS, each cut at LONGEST_WORD."""
    plain = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in said[:1000]).translate(MARKS)
    return [word[:LONGEST_WORD] for word in plain.split()[:MOST_WORDS]]


@dataclass(frozen=True)
class Asked:
    """What a list of agents is narrowed to: words, and values of team, owner, status, risk, gate and autonomy."""

    words: Sequence[str] = ()
    facets: Mapping[str, Any] = field(default_factory=dict)
    retired: bool = False
    """Whether retired agents are among them, where no status is asked for."""

    def __bool__(self) -> bool:
        return bool(self.words or self.facets)

    @property
    def query(self) -> tuple[str, list[str]]:
        """The tsquery as SQL and its parameters: each word by its beginning or its English stem, all of them."""
        # The words are in quotes and hold none. What PostgreSQL's parser makes of each is one phrase.
        parts = ["(to_tsquery('pg_catalog.simple', %s) || plainto_tsquery('pg_catalog.english', %s))"] * len(self.words)
        values = [said for word in self.words for said in (f"'{word}':*", word)]
        facets = [f"'{name}:{value}'" for name, value in self.facets.items()]
        if not self.retired and "status" not in self.facets:
            facets.append(f"!'status:{AgentStatus.RETIRED}'")
        if facets:
            parts.append("%s::tsquery")
            values.append(" & ".join(facets))
        return " && ".join(parts), values


class Found(Func):
    """Whether the row's words answer a query. Models do not declare the column, so it is named beside the key's."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, asked: Asked, key: str = "pk") -> None:
        super().__init__(F(key))
        self.asked = asked

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """`alias.words @@ query`."""
        sql, values = self.asked.query
        key: Any = self.get_source_expressions()[0]
        return f"{compiler.quote_name_unless_alias(key.alias)}.words @@ ({sql})", values


def matching(rows: QuerySet[Any], said: str) -> QuerySet[Any]:
    """The rows that hold all words of `said`; all rows where it has none."""
    words = words_of(said)
    return rows.filter(Found(Asked(words, retired=True))) if words else rows


def narrowed(rows: QuerySet[Agent], asked: Asked) -> QuerySet[Agent]:
    """The agents that were asked for, all of them, for an export."""
    if asked:
        return rows.filter(Found(asked))
    return rows if asked.retired else rows.in_use()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Slice:
    """A page of a list: its rows, and the places where the one before and the one after begin; "" where there is none."""

    rows: list[Any]
    before: str
    after: str

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def by_name(
    rows: QuerySet[Agent, Any], asked: Asked, *, after: str = "", before: str = "", limit: int = 50, place: Any = None
) -> Slice:
    """One page of agents by name, with one query, at the same cost however many there are and however deep it lies.

    `rows` give what a page shows (also as tuples); `place` says of one what its name and id are. Raises Invalid for a
    place that is none.
    """
    place = place or (lambda agent: (agent.name, agent.pk))
    cursor = decoded(after or before, Agent._meta.get_field("id")) if after or before else None
    back = bool(before and not after)
    order = ("-name", "-id") if back else ("name", "id")
    if not asked and not asked.retired:
        rows = rows.filter(retired_at=None)
    if asked:
        rows = rows.filter(pk__in=RawSQL(*_page_ids(asked, cursor, back, limit + 1)))
    elif cursor:
        name, key = cursor
        # The first condition alone is what the index can start at.
        wide, tie = ("lte", "lt") if back else ("gte", "gt")
        rows = rows.filter(**{f"name__{wide}": name}).filter(Q(**{f"name__{tie}": name}) | Q(**{f"id__{tie}": key}))
    found = list(rows.order_by(*order)[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    first, last = (encoded(place(found[0])), encoded(place(found[-1]))) if found else ("", "")
    if back:
        return Slice(found, first if more else "", last)
    return Slice(found, first if cursor else "", last if more else "")


def _page_ids(asked: Asked, cursor: tuple[str, Any] | None, back: bool, limit: int) -> tuple[str, list[Any]]:
    """SQL for the ids of one page of those that fit.

    A word that many share is found soon in the list's own order; one that few share is found by the index of words.
    PostgreSQL cannot know which it is (a rare word made it walk all of the list), so the next NEAR rows are tried first.
    """
    sql, values = asked.query
    order = "name DESC, id DESC" if back else "name, id"
    here, place = "", []
    if cursor:
        here, place = f"AND (name, id) {'<' if back else '>'} (%s, %s::uuid)", [cursor[0], str(cursor[1])]
    return (
        f"""WITH near AS MATERIALIZED (
                SELECT id, name, words FROM registry_agent WHERE true {here} ORDER BY {order} LIMIT %s),
            soon AS MATERIALIZED (
                SELECT id, name FROM near WHERE words @@ ({sql}) ORDER BY {order} LIMIT %s),
            rest AS MATERIALIZED (
                SELECT id, name FROM registry_agent
                WHERE (SELECT count(*) FROM soon) < %s AND words @@ ({sql}) {here})
            SELECT id FROM (SELECT id, name FROM soon WHERE (SELECT count(*) FROM soon) >= %s
                            UNION ALL SELECT id, name FROM rest) AS page
            ORDER BY {order} LIMIT %s""",
        [*place, NEAR, *values, limit, limit, *values, *place, limit, limit],
    )


def figures(user: Person) -> dict[str, int]:
    """The figures above the list of agents, exact, from the counts that triggers keep."""
    found = {"total": 0, "live": 0, "in_review": 0, "failing": 0, "suspended": 0}
    for status, gate, n in AgentCount.objects.visible_to(user).values_list("status", "gate", "n"):
        found["total"] += n if status != AgentStatus.RETIRED else 0
        if status in (AgentStatus.LIVE, AgentStatus.IN_REVIEW, AgentStatus.SUSPENDED):
            found[status] += n
        if status == AgentStatus.LIVE and gate == Gate.FAIL:
            found["failing"] += n
    return found


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    kind: str
    title: str
    detail: str
    url_name: str
    key: Any
    state: str = ""
    state_name: str = ""
    editable: bool = False


KINDS = {"agent": "Agents", "packet": "Packets", "tool": "Tools", "data": "Data sources", "person": "People"}
"""What a search finds, in the order that it is shown."""


def search(said: str, user: Person, each: int = 8) -> list[Hit]:
    """What `user` may see that holds all words of `said`, at most `each` of a kind, the likeliest first. Five queries."""
    words = words_of(said)
    if not words:
        return []
    asked, begins = Asked(words, retired=True), " ".join(said.replace("\0", " ").split())[:LONGEST_WORD].lower()
    return [
        *_agents(asked, begins, user, each),
        *_packets(asked, user, each),
        *_tools(asked, user, each),
        *_data(asked, user, each),
        *_people(words, user, each),
    ]


def search_agents(said: str, user: Person, each: int) -> list[Hit]:
    """The agents alone that hold all words of `said`. One query."""
    words = words_of(said)
    return _agents(Asked(words, retired=True), " ".join(words).lower(), user, each) if words else []


def _agents(asked: Asked, begins: str, user: Person, each: int) -> list[Hit]:
    rows = Agent.objects.visible_to(user)
    sql, values = asked.query
    like = begins.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    # Names that begin so come first, then by where the words stand. Capped, since a common word has no best hit; where
    # such names are enough, the words are not looked up: a common one has thousands of rows.
    best = RawSQL(
        f"""WITH begun AS MATERIALIZED (
                SELECT id, name, words FROM registry_agent WHERE lower(name) LIKE %s
                ORDER BY lower(name) USING ~<~ LIMIT {each}),
            hits AS MATERIALIZED (
                SELECT id, name, words FROM begun
                UNION ALL (SELECT id, name, words FROM registry_agent
                           WHERE (SELECT count(*) FROM begun) < {each} AND words @@ ({sql}) LIMIT {CANDIDATES}))
            SELECT id FROM hits GROUP BY id, name, words
            ORDER BY lower(name) LIKE %s DESC, ts_rank(words, {sql}) DESC, name, id LIMIT {each}""",
        [like, *values, like, *values],
    )
    rows = rows.filter(pk__in=best).select_related("team", "owner").only(
        "id", "slug", "name", "status", "owner_id", "deputy_id", "team_id", "team__name", "owner__name"
    )  # fmt: skip
    first = Case(When(name__istartswith=begins, then=Value(0)), default=Value(1))
    return [
        Hit(
            "agent", agent.name, f"{agent.team.name}, {agent.owner.name}", "agent_detail", agent.slug,
            agent.status, agent.get_status_display(), _mine(agent, user),
        )
        for agent in rows.order_by(first, "name", "id")
    ]  # fmt: skip


def _mine(agent: Agent, user: Person) -> bool:
    """As `Agent.editable_by`, without a query an agent."""
    return not user.is_auditor and (user.pk in (agent.owner_id, agent.deputy_id) or agent.team_id in user.team_ids)


def _packets(asked: Asked, user: Person, each: int) -> list[Hit]:
    rows = Packet.objects.visible_to(user).filter(Found(asked)).select_related("agent")
    return [
        Hit(
            "packet", f"{packet.agent.name} {packet.version}", f"Packet {packet.number}", "packet_detail", packet.pk,
            packet.state, packet.get_state_display(),
        )
        for packet in rows.order_by("-created_at", "id")[:each]
    ]  # fmt: skip


def _tools(asked: Asked, user: Person, each: int) -> list[Hit]:
    rows = Tool.objects.visible_to(user).filter(Found(asked)).order_by(F("retired_at").asc(nulls_first=True), "slug")
    return [
        Hit("tool", tool.slug, tool.system or tool.name, "tool_detail", tool.pk, tool.effect, tool.get_effect_display())
        for tool in rows[:each]
    ]


def _data(asked: Asked, user: Person, each: int) -> list[Hit]:
    rows = DataSource.objects.visible_to(user).filter(Found(asked))
    rows = rows.order_by(F("retired_at").asc(nulls_first=True), "name")
    return [Hit("data", one.name, one.description, "data_detail", one.pk) for one in rows[:each]]


def _people(words: Sequence[str], user: Person, each: int) -> list[Hit]:
    rows = Person.objects.visible_to(user).people().filter(is_active=True)
    for word in words:
        rows = rows.filter(name__icontains=word)
    return [Hit("person", one.name, one.email, "person_detail", one.pk) for one in rows.order_by("name", "pk")[:each]]
