"""The embedded server: first start, second start, every kind of leftover; and the roles it is given."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import psycopg
import pytest

from local import postgres
from local.roles import login_url


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory whose path has a space in it."""
    yield from cluster("with space")


@pytest.fixture
def place() -> Iterator[Path]:
    """A data directory for one test alone."""
    yield from cluster("")


def cluster(folder: str) -> Iterator[Path]:
    """Not below pytest's own folder: each run closes that to other users, and as root the server is another user."""
    with tempfile.TemporaryDirectory(prefix="glia-pg-") as temporary:
        data = Path(temporary) / folder / "data"
        yield data
        postgres.stop(data)


def answers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def pid(data: Path) -> int:
    found = postgres.postmaster(data)
    assert found
    return int(found.pid)


def test_a_second_start_uses_the_server_that_runs(data: Path) -> None:
    assert answers(postgres.start(data))
    first = pid(data)
    assert answers(postgres.start(data))
    assert pid(data) == first


def test_several_processes_may_start_it_at_once(data: Path) -> None:
    postgres.stop(data)
    urls: list[str] = []
    threads = [threading.Thread(target=lambda: urls.append(postgres.start(data))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(urls)) == 1
    assert answers(urls[0])


def test_stop_and_start_keep_the_data(data: Path) -> None:
    with psycopg.connect(postgres.start(data)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop(data)
    assert not postgres.is_running(data)
    postgres.stop(data)
    with psycopg.connect(postgres.start(data)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def empty(whole: str) -> str:
    return ""


def half_written(whole: str) -> str:
    return whole[:3]


def of_another_process(whole: str) -> str:
    """The pid was given to somebody else meanwhile: here, to the test itself's parent."""
    return "\n".join([str(psutil.Process().ppid() or 1), *whole.splitlines()[1:]])


def garbage(whole: str) -> str:
    return "\x00\xff no pid\n"


@pytest.mark.parametrize("broken", [str, empty, half_written, of_another_process, garbage])
def test_it_recovers_from_kill_whatever_the_pid_file_says(data: Path, broken: Callable[[str], str]) -> None:
    """kill -9 leaves postmaster.pid and the socket's lock behind; both are stale, whoever has the pid now."""
    postgres.start(data)
    whole = (data / "postmaster.pid").read_text()
    psutil.Process(pid(data)).kill()
    (data / "postmaster.pid").write_text(broken(whole))
    (data / ".s.PGSQL.5432.lock").write_text(broken(whole))
    assert not postgres.is_running(data)
    assert answers(postgres.start(data))


def test_a_first_start_that_was_killed_is_begun_again(place: Path) -> None:
    """The cluster appears whole or not at all; an empty folder in its place is no cluster."""
    place.mkdir()
    assert answers(postgres.start(place, {"fsync": "off"}))


def test_a_path_too_long_for_a_socket_is_no_obstacle(place: Path) -> None:
    data = place / ("long" * 30) / "data"
    try:
        assert answers(postgres.start(data, {"fsync": "off"}))
    finally:
        postgres.stop(data)


def test_a_server_that_cannot_start_says_why(place: Path) -> None:
    with pytest.raises(postgres.PostgresError, match="no_such_parameter"):
        postgres.start(place, {"no_such_parameter": "1"})


@pytest.fixture(scope="module")
def urls(data: Path) -> postgres.DatabaseUrls:
    superuser = postgres.start(data)
    postgres.bootstrap(superuser, "glia test")
    return postgres.bootstrap(superuser, "glia test")


def test_each_role_logs_in_to_its_database_without_privileges(urls: postgres.DatabaseUrls) -> None:
    """None is superuser or bypasses row-level security; bootstrap ran twice."""
    for url, name in [(urls.app, "glia_app"), (urls.system, "glia_system"), (urls.owner, "glia_owner")]:
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT rolname, current_database(), rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            assert found == (name, "glia test", False)


def test_only_the_owner_makes_tables_and_gives_functions_to_the_system_role(urls: postgres.DatabaseUrls) -> None:
    with psycopg.connect(urls.app) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("CREATE TABLE mine ()")
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE ours (n int)")
        owner.execute("CREATE FUNCTION look() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
        owner.execute("ALTER FUNCTION look() OWNER TO glia_system")
        owner.execute("GRANT EXECUTE ON FUNCTION look() TO glia_app")
    with psycopg.connect(urls.system) as system, pytest.raises(psycopg.errors.InsufficientPrivilege):
        system.execute("SELECT * FROM ours")
    with psycopg.connect(urls.app) as app:
        assert app.execute("SELECT look()").fetchone() == (1,)


def test_the_owner_has_nothing_of_the_system_role_but_the_right_to_become_it(urls: postgres.DatabaseUrls) -> None:
    with psycopg.connect(urls.owner) as owner:
        found = owner.execute(
            "SELECT pg_has_role('glia_system', 'USAGE'), pg_has_role('glia_app', 'MEMBER')"
        ).fetchone()
    assert found == (False, False)


def test_letters_fold_and_words_are_found_beyond_ascii(urls: postgres.DatabaseUrls) -> None:
    with psycopg.connect(urls.app) as app:
        found = app.execute(
            "SELECT lower('ÄΣ'), to_tsvector('simple', 'Größe') @@ to_tsquery('simple', 'GRÖßE')"
        ).fetchone()
    assert found == ("äσ", True)


@pytest.mark.parametrize(
    ("superuser", "expected"),
    [
        ("postgresql://postgres@/postgres?host=/a%20b", "postgresql://u:p%40%2F@/d%20b?host=/a%20b"),
        ("postgresql://s:x@127.0.0.1:5433/postgres", "postgresql://u:p%40%2F@127.0.0.1:5433/d%20b"),
        ("postgresql://s@[::1]:1/postgres?sslmode=require", "postgresql://u:p%40%2F@[::1]:1/d%20b?sslmode=require"),
        ("host=localhost user=s", "postgresql://u:p%40%2F@localhost/d%20b"),
    ],
)
def test_a_login_url_keeps_the_address(superuser: str, expected: str) -> None:
    assert login_url(superuser, "d b", "u", "p@/") == expected
