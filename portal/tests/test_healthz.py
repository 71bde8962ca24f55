"""`/healthz` says of each part whether it works."""

import datetime as dt

import pytest
from django.urls import reverse

from work import clock
from work.models import Heartbeat

pytestmark = pytest.mark.django_db


def beat(**ages):
    for name, age in ages.items():
        Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now() - dt.timedelta(seconds=age)})


def test_all_well_needs_no_sign_in(client):
    beat(worker=5, beat=5)
    answer = client.get(reverse("healthz"))
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "ok", "worker": "ok", "beat": "ok"}


def test_a_worker_that_was_never_seen(client):
    beat(beat=5)
    answer = client.get(reverse("healthz"))
    assert answer.status_code == 503
    assert answer.json()["worker"] == "not seen yet"


def test_a_beat_that_has_stopped(client):
    beat(worker=5, beat=300)
    answer = client.get(reverse("healthz"))
    assert answer.status_code == 503
    assert answer.json()["beat"] == "last seen 300 s ago"
