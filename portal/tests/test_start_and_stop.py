"""The embedded database starts, recovers and refuses; the portal's health tells what is wrong."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from portal import embedded
from portal.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def var_dir(tmp_path):
    return tmp_path / "a folder" / "var"


def select_one(var_dir):
    settings = embedded.connection(var_dir)
    with psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"]) as connection:
        return connection.execute("SELECT 1").fetchone()[0]


def test_the_secret_key_is_made_once_and_is_private(var_dir):
    assert embedded.secret_key(var_dir) == embedded.secret_key(var_dir)
    assert stat.S_IMODE((var_dir / "secret-key").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_one_sentence():
    with pytest.raises(embedded.EmbeddedError, match="VAR_DIR"):
        embedded.secret_key(Path("/proc/nowhere"))


def test_two_starts_on_one_folder(var_dir):
    with embedded.Server(var_dir, durable=False):
        assert select_one(var_dir) == 1
        with pytest.raises(embedded.AlreadyRunning, match=str(os.getpid())):
            embedded.start(var_dir)
        assert select_one(var_dir) == 1
    assert not embedded.socket_dir(var_dir).exists()


def test_a_killed_server_starts_again_with_its_data(var_dir):
    with embedded.Server(var_dir) as server:
        with server._connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")
        server.process.kill()
        server.process.wait()
        assert not server.running()
        server.restart()
        with server._connect() as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_a_lock_file_of_a_process_long_gone_is_no_obstacle(var_dir):
    with embedded.Server(var_dir, durable=False):
        pass
    (var_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{var_dir}/postgres\n1\n5432\n/tmp\n\n")
    with embedded.Server(var_dir, durable=False):
        assert select_one(var_dir) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_server_ends_with_the_process_that_started_it(var_dir):
    command = [sys.executable, "-m", "portal.embedded", str(var_dir)]
    starter = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    starter.stdout.readline()
    starter.stdout.readline()
    pid = int((var_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    starter.kill()
    starter.communicate()
    with embedded.Server(var_dir, durable=False):
        assert int((var_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]) != pid


def test_a_socket_folder_of_somebody_else_is_refused(var_dir):
    folder = embedded.socket_dir(var_dir)
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    try:
        with pytest.raises(embedded.EmbeddedError, match="not a private folder"):
            embedded.connection(var_dir)
    finally:
        folder.rmdir()


def test_a_child_that_dies_is_started_again_and_stopped_in_the_end(tmp_path):
    lines = []
    supervisor = Supervisor(tmp_path, tmp_path / "children.json", lines.append)
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor.add(child)
    first = child.process
    first.send_signal(signal.SIGKILL)
    first.wait()
    deadline = time.monotonic() + 10
    while child.process in (None, first) and time.monotonic() < deadline:
        supervisor.look()
        time.sleep(0.05)
    second = child.process
    assert second.pid != first.pid
    supervisor.stop()
    assert second.returncode is not None
    assert lines == ["sleeper has ended (exit code -9), starting it again in 1 s", "Stopping sleeper"]
    assert not (tmp_path / "children.json").exists()


def test_children_of_a_killed_supervisor_are_ended_by_the_next(tmp_path):
    record = tmp_path / "children.json"
    supervisor = Supervisor(tmp_path, record, lambda line: None)
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor.add(child)
    Supervisor(tmp_path, record, lambda line: None).end_leftovers()
    assert child.process.wait(5) == -signal.SIGKILL


def run_manage(*args, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in {"SECRET_KEY", "DJANGO_ALLOW_ASYNC_UNSAFE"}}
    return subprocess.run(
        [sys.executable, "manage.py", *args], cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True
    )


def test_production_names_the_secret_that_is_missing():
    done = run_manage("check", DATABASE_URL="postgres://x@localhost/x")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Portcullis cannot start: SECRET_KEY is not set.")
    assert len(done.stderr.strip().splitlines()) == 1


def test_production_settings_pass_the_deployment_check():
    done = run_manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        DATABASE_URL="postgres://x@localhost/x",
        SECRET_KEY="kT7w-9QzP2_fXv5LrB8nYc4HsJm6DgA1eUoWi3ZqNbVtRyKpMx",
        ALLOWED_HOSTS="portcullis.example.org",
        DEMO="false",
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_port_in_use_is_one_sentence(var_dir):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_manage("up", PORT=str(taken.getsockname()[1]), VAR_DIR=str(var_dir))
    assert done.returncode == 1
    assert "is in use: choose another with PORT" in done.stderr
    assert "Traceback" not in done.stderr
