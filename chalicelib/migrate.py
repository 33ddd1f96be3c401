"""Applies the plain-SQL migrations, as the owner. Forward only; each once; two runs at a time wait for each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

LOCK = 0x676C6962  # any number of our own
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(owner_url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Brings the database up to date.

    Args:
        owner_url: of the owner's login, as libpq takes it (`postgresql://…`).

    Returns:
        The names of the migrations that were applied now, in order.
    """
    from yoyo import get_backend, read_migrations

    from chalicelib.adapters.postgres import alone

    with alone(owner_url, LOCK):  # the library's own lock is a row, which a killed run leaves behind
        return _apply(get_backend(_driver_url(owner_url)), read_migrations(str(folder)))


def _driver_url(owner_url: str) -> str:
    return owner_url.replace("postgresql://", "postgresql+psycopg://", 1)


def _apply(backend: Any, migrations: Any) -> list[str]:
    try:
        pending = backend.to_apply(migrations)
        names = [migration.id for migration in pending]
        backend.apply_migrations(pending)
    finally:
        backend.connection.close()
    return names


def main() -> None:
    """`make migrate`: uses DATABASE_OWNER_URL."""
    import os

    from chalicelib.settings import Settings

    names = migrate(Settings.from_env(os.environ).database_owner_url)
    sys.stdout.write("".join(f"applied {name}\n" for name in names) or "up to date\n")


if __name__ == "__main__":
    main()
