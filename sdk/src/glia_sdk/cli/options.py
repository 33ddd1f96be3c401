"""Options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Which login to use, if you keep more than one (GLIA_PROFILE)."),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]
