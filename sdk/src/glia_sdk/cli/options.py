"""Options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Which login to use, if you keep more than one (GLIA_PROFILE)."),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]
JsonDocument = Annotated[bool, typer.Option("--json", help="Write one JSON document.")]
JsonList = Annotated[bool, typer.Option("--json", help="Write JSON: one document, or with --all one item a line.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="Items to show.")]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="CURSOR", help="Where to go on: a `next_cursor`.")]
All = Annotated[bool, typer.Option("--all", help="Show all there are.")]
Topic = Annotated[str | None, typer.Option("--topic", metavar="ID", help="Only of this topic.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")]
