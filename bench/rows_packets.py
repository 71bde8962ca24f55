"""A packet with 50 rows of each kind in every section against one with 5: opening, saving, comparing, submitting."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any

from bench.ground import median_ms, row

FEW, MANY = 5, 50
ROUNDS = 9
PAGES = (3, 4, 6)
"""Sections whose rows hold most: texts of prompts, cases, choices from the catalogue."""


@functools.cache
def ground() -> tuple[Any, Any, dict[int, Any]]:
    """Somebody who is signed in, that person, and their packets by number of rows, filled and accepted."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from portal.tests.content import sections, stretched
    from registry.actions import catalogue_source, catalogue_tool, register_agent, start_packet, write_section
    from registry.answering import accept
    from registry.models import Agent
    from registry.sections import section

    like = Agent.objects.exclude(deputy=None).filter(risk_class="minimal").order_by("slug").first()
    if like is None or like.deputy is None:
        raise RuntimeError("The demo organisation has no agent with a minimal risk and a deputy.")
    person = get_user_model().objects.filter(groups=like.team.group).exclude(pk=like.owner_id).first()
    if person is None:
        raise RuntimeError("The demo organisation's team has no member.")
    sources = [
        catalogue_source(name=f"Bench {i}", by=person, classification="internal", contract_version="1", owner=person)
        for i in range(MANY)
    ]
    tools = [catalogue_tool(slug=f"bench.{i}", by=person, effect="read") for i in range(MANY)]
    made = {}
    for rows in (FEW, MANY):
        agent = register_agent(
            name=f"Bench of {rows}", summary="Measured", team=like.team, owner=like.owner, deputy=like.deputy,
            risk_class="minimal", by=person,
        )  # fmt: skip
        packet = start_packet(agent=agent, version="1.0.0", by=person)
        pages = stretched(sections(sources[0], tools[0]), rows, [one.pk for one in sources], [one.pk for one in tools])
        for number, page in pages.items():
            write_section(packet=packet, number=number, content=page, by=person)
        for one in section(9).figures(packet)["asked"] if section(9).figures else ():
            accept(packet=packet, duty=one.duty.value, digest=one.digest, by=one.person)
        made[rows] = packet
    client = Client(headers={"Host": "localhost"})
    client.force_login(person, settings.AUTHENTICATION_BACKENDS[0])
    return client, person, made


def both(call: Callable[[Any], object], rounds: int = 40, warm: int = 5) -> tuple[float, float]:
    """The medians in ms of `call(packet)` with many rows and with few."""
    packets = ground()[2]
    return tuple(median_ms(lambda rows=rows: call(packets[rows]), rounds, warm) for rows in (MANY, FEW))  # type: ignore[misc,return-value]


def _seen(path: str) -> None:
    answer = ground()[0].get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"GET {path} answered {answer.status_code}")


@row("packet.open", "ms", "the same pages with 5 rows a section")
def opened() -> tuple[float, float]:
    """The packet's page, then its sections with the largest rows."""
    from django.urls import reverse

    def call(packet: Any) -> None:
        _seen(reverse("packet_detail", args=[packet.pk]))
        for number in PAGES:
            _seen(reverse("packet_section", args=[packet.pk, number]))

    return both(call, rounds=ROUNDS, warm=2)


@row("packet.save", "ms", "the same with 5 rows a section")
def saved() -> tuple[float, float]:
    """One case's words changed in section 4, as a browser saves while one types."""
    from django.urls import reverse

    from registry.pages import rebased
    from registry.sections import section

    turns = itertools.count()
    posts: dict[Any, dict[str, Any]] = {}

    def call(packet: Any) -> None:
        if packet.pk not in posts:
            forms = section(4).forms(packet)
            sheet = {f"sheet-{name}": forms.sheet[name].value() for name in forms.sheet.fields} if forms.sheet else {}
            posts[packet.pk] = {**sheet, **rebased(forms, {})}  # type: ignore[arg-type]
        data = posts[packet.pk]
        data["case-0-note"] = f"turn {next(turns)}"
        data["seen"] = packet.section_states.get(number=4).version
        answer = ground()[0].post(reverse("packet_section", args=[packet.pk, 4]), data, headers={"HX-Request": "true"})
        if answer.status_code != 200 or packet.section_states.get(number=4).version == data["seen"]:
            raise RuntimeError(f"Nothing was saved: {answer.status_code}")

    return both(call, rounds=ROUNDS, warm=2)


@row("packet.diff", "ms", "the same with 5 rows a section, every row of which differs too")
def differing() -> tuple[float, float]:
    """A packet held against an empty one: every row is a difference."""
    from django.urls import reverse

    from registry.actions import start_packet

    _, person, packets = ground()
    empty = {packet.pk: start_packet(agent=packet.agent, version="9.9.9", by=person) for packet in packets.values()}

    def call(packet: Any) -> None:
        _seen(reverse("packet_compare", args=[packet.pk]) + f"?old={empty[packet.pk].pk}")

    return both(call, rounds=ROUNDS, warm=2)


@row("packet.submit", "ms", "the same with 5 rows a section")
def submitted() -> tuple[float, float]:
    """Submitting a complete packet: everything looked through, frozen, digested, recorded. Undone after each time."""
    from django.db import transaction

    from approvals.actions import submit_packet

    _, person, packets = ground()
    taken: dict[int, list[float]] = {rows: [] for rows in packets}
    for _ in range(ROUNDS + 2):
        for rows, packet in packets.items():
            with transaction.atomic():
                begun = time.perf_counter()
                submit_packet(packet=packet, by=person)
                taken[rows].append((time.perf_counter() - begun) * 1000)
                transaction.set_rollback(True)
    middle = {rows: sorted(times[2:])[len(times[2:]) // 2] for rows, times in taken.items()}
    return middle[MANY], middle[FEW]
