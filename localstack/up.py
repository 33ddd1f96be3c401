"""`make localstack`: the packaged application, deployed by CloudFormation to LocalStack, without Docker or an account.

Ctrl-C stops everything. The database is kept in GLIA_HOME/localstack; queues, functions and the bucket are made anew
with every run. Glia's settings in the environment become parameters of the deployment.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from local.stopping import Stopping, install_handlers


def main() -> int:
    """Returns 0 after a stop by signal, 130 if it was cut short, 1 if it could not start."""
    stopping = Stopping()
    install_handlers(stopping)
    # Only now: loading these takes a moment, in which a signal would be lost or end the process in the middle.
    from local.config import ROOT, ConfigError
    from local.run import only_run

    home = Path(os.environ.get("GLIA_HOME") or ROOT / ".glia").expanduser().resolve() / "localstack"
    try:
        with only_run(home):
            return _run(home, stopping)
    except KeyboardInterrupt:
        return 130
    except (ConfigError, OSError) as error:
        print(f"Glia cannot start: {error}", file=sys.stderr)
        return 1


def _run(home: Path, stopping: Stopping) -> int:
    from local.console import Console
    from localstack.run import Run, Stopped, token

    console = Console(home / "logs")
    run = Run(home, dict(os.environ), console, stopping)
    try:
        deployment = run.start()
        console.plain(f"Glia is deployed at {deployment.url}")
        console.plain(f"export GLIA_TOKEN={token(home)}")
        run.watch()
    except Stopped:
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said in one line, and everything is stopped
        console.plain(f"Glia cannot start: {error}")
        return 1
    finally:
        run.stop()
        console.plain("Glia has stopped.")
        console.close()
    return 0


if __name__ == "__main__":
    # Not sys.exit: a deployment that is still under way must not hold up the end.
    code = main()
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
    os._exit(code)
