"""Tasks reach a real worker, on the database that the test uses."""

import pytest

from work.models import Heartbeat


@pytest.mark.django_db(transaction=True)
def test_a_task_runs_in_the_worker(celery_worker_process, eventually):
    from work.tasks import worker_heartbeat

    Heartbeat.objects.all().delete()
    worker_heartbeat.delay()
    eventually(lambda: Heartbeat.objects.filter(name="worker").exists())
