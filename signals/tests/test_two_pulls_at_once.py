import datetime as dt
import os
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from signals import actions, tasks
from signals.actions.sources import alone
from signals.models import CostLine, Pull
from signals.tests.conftest import cost_row, make_bank, write_costs
from work import clock
from work.acts import Conflict

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(root):
    bank = make_bank()
    write_costs(root / "focus" / "a.csv", [cost_row()])
    return actions.add_source(name="Costs", kind="focus", folder="focus", by=bank.admin)


def in_thread(work):
    """Run `work` on a connection of its own; what it returned or raised."""
    came: list = []

    def run():
        try:
            came.append(work())
        except Exception as error:
            came.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_the_second_of_two_at_the_same_instant_is_refused(source):
    gate = threading.Barrier(2)

    def ask():
        gate.wait()
        return actions.pull(source=source)

    threads = [in_thread(ask) for _ in range(2)]
    for thread, _ in threads:
        thread.join()
    came = [came[0] for _, came in threads]
    # One may have ended before the other began: then both ran, one after the other.
    refused = [one for one in came if isinstance(one, Conflict)]
    assert len(refused) <= 1 and all(isinstance(one, Pull | Conflict) for one in came)
    assert CostLine.objects.count() == 1 and not Pull.objects.filter(state="running").exists()


def test_a_pull_while_another_goes_on_is_a_conflict_in_words(source):
    with alone(source.pk):
        Pull.objects.create(source=source, begun_at=clock.now())
        thread, came = in_thread(lambda: actions.request_pull(source=source, by=None))
        thread.join()
    assert isinstance(came[0], Conflict) and "going on" in str(came[0])


def test_the_database_refuses_a_second_running_pull(source):
    Pull.objects.create(source=source)
    with pytest.raises(IntegrityError, match="one_running_pull_a_source"), transaction.atomic():
        Pull.objects.create(source=source)


def test_a_message_delivered_twice_pulls_once(source):
    pull = actions.request_pull(source=source, by=None)
    assert tasks.pull_source.run(str(source.pk), str(pull.pk)) == "done"
    assert tasks.pull_source.run(str(source.pk), str(pull.pk)) == "done"
    assert Pull.objects.count() == 1


def test_a_pull_whose_worker_was_killed_is_ended_and_the_next_one_starts(source):
    dead = Pull.objects.create(source=source, started_at=clock.now(), begun_at=clock.now())
    assert tasks.pull_due() == 1
    dead.refresh_from_db()
    assert dead.state == "failed" and "worker was stopped" in dead.error
    assert source.pulls.filter(state="running", begun_at=None).count() == 1


def test_a_redelivered_message_ends_the_killed_pull_and_runs_its_successor(source):
    dead = Pull.objects.create(source=source, started_at=clock.now(), begun_at=clock.now())
    assert tasks.pull_source.run(str(source.pk), str(dead.pk)) == "done"
    dead.refresh_from_db()
    assert dead.state == "failed" and source.pulls.get(state="done").rows_new == 1


def test_a_pull_that_is_at_work_is_left_alone(source):
    with alone(source.pk):
        alive = Pull.objects.create(source=source, started_at=clock.now(), begun_at=clock.now())
        thread, came = in_thread(tasks.pull_due)
        thread.join()
    alive.refresh_from_db()
    assert came == [0] and alive.state == "running"


def test_only_what_is_due_is_pulled(source):
    assert tasks.pull_due() == 1
    actions.run_pull(source.pulls.get())
    assert tasks.pull_due() == 0
    with clock.at(clock.now() + dt.timedelta(minutes=16)):
        assert tasks.pull_due() == 1


def test_a_fault_that_may_pass_ends_the_pull_as_failed_and_is_raised_for_the_retry(source, monkeypatch):
    def away(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("signals.actions.pulling._digest", away)
    with pytest.raises(OSError, match="Input/output"):
        actions.pull(source=source)
    pull = Pull.objects.get()
    assert pull.state == "failed" and "tried again" in pull.error


def test_the_button_reaches_a_real_worker_which_tells_how_it_went(celery_worker_process, eventually):
    folder = settings.SIGNALS_ROOT / "worker-test"  # the worker is another process and has the settings as they are
    folder.mkdir(parents=True)
    write_costs(folder / "a.csv", [cost_row(), cost_row(BilledCost="x")])
    source = actions.add_source(name="Real", kind="focus", folder="worker-test", by=make_bank().admin)
    pull = actions.request_pull(source=source, by=None)
    eventually(lambda: Pull.objects.get(pk=pull.pk).state != "running")
    pull.refresh_from_db()
    assert (pull.state, pull.rows_new, pull.rows_rejected) == ("done", 1, 1)


def test_a_worker_killed_in_the_middle_of_a_file_leaves_nothing_half_kept(source, root, eventually):
    write_costs(root / "focus" / "a.csv", [cost_row(SubAccountId=str(n)) for n in range(60_000)])
    pull = Pull.objects.create(source=source, started_at=clock.now())
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings; from pathlib import Path\n"
        f"settings.SIGNALS_ROOT = Path({str(root)!r})\n"
        "from signals.actions import run_pull; from signals.models import Pull\n"
        f"run_pull(Pull.objects.get(pk={str(pull.pk)!r}))"
    )
    env = {**os.environ, "DATABASE_NAME": connection.settings_dict["NAME"]}
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=env)
    eventually(lambda: Pull.objects.get(pk=pull.pk).rows_read > 0)
    worker.kill()
    worker.wait()
    assert Pull.objects.get(pk=pull.pk).state == "running" and not CostLine.objects.exists()
    eventually(lambda: actions.recover_pull(Pull.objects.get(pk=pull.pk)))
    assert "worker was stopped" in Pull.objects.get(pk=pull.pk).error
    assert actions.pull(source=source).rows_new == 60_000
