"""Arrays as parameters: Postgres reads them as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters import arrays
from local.roles import DatabaseUrls

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
CENTURIES = timedelta(days=200 * 365)
MOMENTS = st.timedeltas(-CENTURIES, CENTURIES).map(lambda apart: datetime(2000, 1, 1, tzinfo=UTC) + apart)
KINDS: list[tuple[type[arrays.Array], str, st.SearchStrategy[Any]]] = [
    (arrays.Uuids, "uuid", st.none() | st.uuids()),
    (arrays.Texts, "text", st.none() | TEXT),
    (arrays.Encoded, "text", TEXT.map(str.encode)),
    (arrays.Bytes, "bytea", st.binary()),
    (arrays.Wholes, "bigint", st.none() | st.integers(-(2**63), 2**63 - 1)),
    (arrays.Moments, "timestamptz", MOMENTS),
]


@pytest.mark.parametrize(("kind", "name", "items"), KINDS, ids=[kind.__name__ for kind, _, _ in KINDS])
def test_elements_arrive_as_they_were_sent(
    database: DatabaseUrls, kind: type[arrays.Array], name: str, items: st.SearchStrategy[Any]
) -> None:
    """Of every type, with and without NULL, none at all, one of them many times."""
    with psycopg.connect(database.app, prepare_threshold=None) as connection:  # a pooler may stand in front
        arrays.register(connection)

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(sent=st.lists(items, max_size=30))
        def check(sent: list[Any]) -> None:
            sql = f"SELECT %b::{name}[]"
            [found] = connection.execute(sql, [kind([*sent, *sent])]).fetchone() or [None]
            expected = [item.decode() if kind is arrays.Encoded else item for item in sent]
            assert found == expected * 2

        check()


def test_ids_that_are_equal_need_not_be_one_object(database: DatabaseUrls) -> None:
    """They are told apart by identity, and packed by value."""
    twice = [UUID(int=7), UUID(int=7), None, UUID(int=8)]
    with psycopg.connect(database.app, prepare_threshold=None) as connection:  # a pooler may stand in front
        arrays.register(connection)
        [found] = connection.execute("SELECT %b::uuid[]", [arrays.Uuids(twice)]).fetchone() or [None]
    assert found == twice
