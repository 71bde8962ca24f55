"""Production mode: PostgreSQL of one's own, and each of the three brokers, as the README's page on production says."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from kombu import Connection
from psycopg import sql

from portal.tests.interop.conftest import ROOT, service

pytestmark = pytest.mark.interop
POSTGRES = os.environ.get("INTEROP_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("INTEROP_REDIS_URL", "redis://127.0.0.1:6379")
RABBITMQ = os.environ.get("INTEROP_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
LOG = ROOT / "samples" / "signals" / "inspect" / "liquidity-commentary-1.0.4.json"
ASK_FOR_A_PULL = """
from accounts.models import Person
from signals.actions import add_source, request_pull
admin = Person.objects.get()
source = add_source(name={name!r}, kind="inspect", folder={name!r}, by=admin)
print("pull", request_pull(source=source, by=admin).pk)
"""
HOW_THE_PULL_WENT = """
import json
from signals.models import Pull
pull = Pull.objects.get(pk={pk!r})
print(json.dumps([pull.state, pull.rows_new, pull.error]))
"""


@pytest.fixture(scope="module")
def database():
    """The URL of a fresh database, owned by a role that is no superuser; both are gone afterwards."""
    server = service(POSTGRES)
    name, password = f"portcullis_interop_{os.getpid()}", secrets.token_urlsafe(12)
    role = sql.Identifier(name)
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(role, password)
        )
        link.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    place = urlsplit(server)
    yield f"postgres://{name}:{password}@{place.hostname}:{place.port}/{name}"
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        link.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def redis_url():
    """A database of Redis that nobody uses, emptied afterwards."""
    from redis import Redis

    server = service(REDIS)
    for number in range(15, 0, -1):
        link = Redis.from_url(f"{server}/{number}")
        if link.dbsize() == 0:
            yield f"{server}/{number}"
            assert link.exists("_kombu.binding.celery"), "the queue was not in Redis"
            link.flushdb()
            return
    pytest.fail(f"All databases of {server} are in use.")


@pytest.fixture
def rabbitmq_url():
    """RabbitMQ: a vhost of our own where we may make one, else the one given, unless somebody else works on it."""
    url, vhost = service(RABBITMQ), f"portcullis_interop_{os.getpid()}"
    if _rabbitmqctl("add_vhost", vhost):
        assert _rabbitmqctl("set_permissions", "-p", vhost, urlsplit(url).username, ".*", ".*", ".*")
        url = f"{url.partition('@')[0]}@{urlsplit(url).hostname}:{urlsplit(url).port}/{vhost}"
    elif _waiting(url):
        pytest.fail(f"The queues of {url} are in use: name another vhost with INTEROP_AMQP_URL.")
    yield url
    assert set(_waiting(url, every=True)) == {"celery", "long"}, "the queues were not in RabbitMQ"
    if not _rabbitmqctl("delete_vhost", vhost):
        with Connection(url) as link, link.channel() as channel:
            for name in ("celery", "long"):
                channel.queue_delete(name)


def _rabbitmqctl(*arguments):
    """Whether the server's own tool could do that: it is there and we are allowed to use it."""
    try:
        return subprocess.run(["rabbitmqctl", "-q", *arguments], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _waiting(url, every=False):
    """Which of our two queues somebody listens to or has put messages into; with `every`, which exist."""
    found = []
    with Connection(url) as link:
        for name in ("celery", "long"):
            try:
                with link.channel() as channel:
                    queue = channel.queue_declare(name, passive=True)
            except link.channel_errors:
                continue
            if every or queue.consumer_count or queue.message_count:
                found.append(name)
    return found


@pytest.fixture
def broker(request):
    """The broker's URL; a fixture's name becomes its value."""
    return request.getfixturevalue(request.param) if request.param.endswith("_url") else request.param


class Installation:
    """The portal in production mode: its environment, its commands, its `up`."""

    def __init__(self, folder, database, broker):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
        self.env = kept | {
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": broker,
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ALLOWED_HOSTS": "portal.example,127.0.0.1",
            "BEHIND_TLS_PROXY": "true",
            "VAR_DIR": str(folder),
            "PORT": str(self.port),
            "GRANT_WAIT_HOURS": "0",
            "PORTCULLIS_ADMIN_PASSWORD": secrets.token_urlsafe(20),
            "PYTHONUNBUFFERED": "1",
        }
        self.log = folder / "up.log"
        self.process = None

    def manage(self, *arguments, fails=False):
        """Runs a command of manage.py; gives what it wrote."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self):
        """Starts everything, and waits until healthz says that all is well; gives what it said."""
        with self.log.open("wb") as log:
            command = [sys.executable, "manage.py", "up"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        deadline, said = time.monotonic() + 120, None
        while time.monotonic() < deadline and self.process.poll() is None:
            status, said = self.get("/healthz")
            if status == 200:
                return json.loads(said)
            time.sleep(0.3)
        pytest.fail(f"healthz was not well: {said}\n{self.log.read_text()}")

    def get(self, path, **headers):
        """The status and the body of a page, not following redirects."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stop(self):
        """Stops by SIGTERM; gives the exit code and the names of what still runs."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        _, left = psutil.wait_procs(started, timeout=5)
        return code, [one.name() for one in left]

    def kill(self):
        """Whatever is left is ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # what it started ends with it
            self.process.wait()


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer."""

    def redirect_request(self, *args):
        return None


@pytest.mark.parametrize("broker", ["redis_url", "rabbitmq_url", "pgmq://"], indirect=True)
def test_the_portal_works_on_services_of_ones_own(database, broker, tmp_path):
    portal = Installation(tmp_path, database, broker)
    assert "no issues" in portal.manage("check", "--deploy", "--fail-level", "WARNING")
    try:
        assert portal.up() == dict.fromkeys(("database", "broker", "worker", "beat"), "ok")
        assert portal.get("/")[0] == 301, "plain HTTP must lead to HTTPS"
        status, page = portal.get("/account/login/", **{"X-Forwarded-Proto": "https", "Host": "portal.example"})
        assert (status, "password" in page) == (200, True)
        assert portal.get("/account/login/", **{"X-Forwarded-Proto": "https", "Host": "other.example"})[0] == 400
        _pull_through_the_worker(portal)
        assert portal.stop() == (0, []), portal.log.read_text()
    finally:
        portal.kill()
    # Django reports a wrong Host with its traceback; there may be no other.
    log = portal.log.read_text()
    assert log.count("Traceback") == log.count("exceptions.DisallowedHost") <= 1, log


def _pull_through_the_worker(portal):
    portal.manage("migrate", "--check")
    if "is platform admin" not in portal.manage(
        "shell",
        "-c",
        "from accounts.models import Person; print(\
        'is platform admin' if Person.objects.exists() else '')",
    ):
        assert "is platform admin" in portal.manage("bootstrap_admin", "ada@portal.example", "Ada Adeyemi")
    name = f"logs-{portal.port}"
    watched = Path(portal.env["VAR_DIR"]) / "signals" / name
    watched.mkdir(parents=True)
    log = json.loads(LOG.read_text())
    log["eval"]["eval_id"] = secrets.token_hex(11)
    (watched / "log.json").write_text(json.dumps(log))
    asked = portal.manage("shell", "-c", ASK_FOR_A_PULL.format(name=name))
    pk = re.search(r"pull ([0-9a-f-]{36})", asked)[1]
    deadline = time.monotonic() + 60
    while (went := _last_line(portal.manage("shell", "-c", HOW_THE_PULL_WENT.format(pk=pk))))[0] == "running":
        assert time.monotonic() < deadline, portal.log.read_text()
        time.sleep(0.5)
    assert went == ["done", 20, ""]


def _last_line(text):
    return json.loads(text.strip().splitlines()[-1])


def test_a_broker_that_is_gone_is_named_by_healthz(database, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    portal = Installation(tmp_path, database, f"redis://127.0.0.1:{nobody}/0")
    said = portal.manage("doctor", fails=True)
    assert "broker" in said and "does not answer" in said


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_what_production_lacks_is_named(database, tmp_path, name):
    portal = Installation(tmp_path, database, "pgmq://")
    del portal.env[name]
    assert f"{name} is not set" in portal.manage("check", fails=True)


def test_a_database_that_is_gone_is_one_sentence(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    portal = Installation(tmp_path, f"postgres://a:b@127.0.0.1:{nobody}/c", "pgmq://")
    said = portal.manage("up", fails=True)
    assert "Traceback" not in said and "connection" in said.splitlines()[-1]
    shutil.rmtree(tmp_path)
