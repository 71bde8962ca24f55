"""Renewals across rooms: the X-ray of packets that no longer match, the beat that drafts, the setting that is refused."""

import datetime as dt
import io
import os
import subprocess
import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import tasks
from approvals.renewing import renew_if_due, start_renewal
from evidence import keys, verify
from evidence.actions import export_agent
from portal.celery import app
from portal.tests.test_xrays import found, told
from portal.tests.test_xrays import live as live
from portal.xrays import of_agent
from registry import upkeep
from registry.models import DataSource, Packet
from work import clock


def classify(world, word):
    upkeep.change_source(source=DataSource.objects.get(pk=world.source.pk), classification=word, by=world.admin)


class TestXray:
    def test_an_approved_packet_that_no_longer_matches_the_catalogue(self, world, promotable):
        assert found("packet_moved", world.owner) == []
        classify(world, "restricted")
        assert found("packet_moved", world.owner) == [str(promotable)]
        one = told("packet_moved", world.owner, str(promotable))
        assert (one.url, one.action) == (reverse("packet_detail", args=[promotable.pk]) + "#moved", "Mend")
        assert "packet_moved" in [one.kind.key for one in of_agent(promotable.agent, world.owner)]
        classify(world, "internal")
        assert found("packet_moved", world.owner) == []

    def test_what_is_still_in_review_is_not_found(self, world, submitted):
        classify(world, "restricted")
        assert str(submitted) not in found("packet_moved", world.owner)

    def test_a_superseded_packet_that_still_runs_is_found(self, world, live):
        live.packets.update(state="superseded")
        classify(world, "restricted")
        assert len(found("packet_moved", world.owner)) == 1

    def test_those_who_may_not_see_the_packet_do_not_see_it(self, world, promotable):
        classify(world, "restricted")
        assert found("packet_moved", world.outsider) == []
        assert told("packet_moved", world.auditor, str(promotable)).action == "Look"

    def test_the_renewal_brings_it_in_order(self, world, promotable):
        classify(world, "restricted")
        made = start_renewal(packet=promotable, by=world.author)
        world.submit(made)
        world.sign_all(made)
        assert found("packet_moved", world.owner) == []


def test_more_renewals_make_no_more_queries_at_home(client, world):
    client.force_login(world.owner, backend="django.contrib.auth.backends.ModelBackend")
    counts = []
    for i in range(2):
        for n in range(i + 1):
            start_renewal(packet=world.approved_packet(world.register(f"Agent {i}{n}")), by=world.author)
        client.get(reverse("home"))
        with CaptureQueriesContext(connection) as made:
            client.get(reverse("home"))
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_beat_knows_the_task():
    app.loader.import_default_modules()
    assert app.conf.beat_schedule["renewals"]["task"] in app.tasks


@pytest.mark.parametrize(("days", "refused"), [("89", False), ("90", True), ("-1", True), ("0", False)])
def test_the_days_lie_below_those_of_a_sign_off(days, refused):
    secrets = {"DATABASE_URL": "postgres://x@localhost/x", "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "x"}
    env = {**os.environ, **secrets, "RENEWAL_DAYS": days, "SIGNOFF_DAYS": "90"}
    ran = subprocess.run([sys.executable, "-c", "import portal.settings"], env=env, capture_output=True, text=True)
    assert (ran.returncode != 0) == refused, ran.stderr
    assert not refused or f"RENEWAL_DAYS is {days}" in ran.stderr


def test_the_task_drafts_once_however_often_it_runs(world, promotable):
    with clock.at(clock.now() + dt.timedelta(days=61)):
        tasks.draft_renewals()
        tasks.draft_renewals()
        for _ in range(2):
            tasks.draft_renewal(str(promotable.pk))
    assert Packet.objects.filter(renews=promotable).count() == 1


def test_the_evidence_of_a_renewed_agent_verifies(world, promotable):
    with clock.at(clock.now() + dt.timedelta(days=61)):
        made = renew_if_due(promotable.pk)
        world.submit(made)
        world.sign_all(made)
    with export_agent(promotable.agent, by=world.auditor).file as file:
        result = verify.verify(io.BytesIO(file.read()), keys.public_pem())
    assert result["exit"] == 0, result["checks"]


def test_a_short_sign_off_is_renewed_in_its_last_third():
    secrets = {"DATABASE_URL": "postgres://x@localhost/x", "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "x"}
    env = {**os.environ, **secrets, "SIGNOFF_DAYS": "15"}
    code = "from portal import settings; print(settings.RENEWAL_DAYS)"
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ran.stdout.strip() == "5", ran.stderr
