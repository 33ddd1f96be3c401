"""`make up`: all of Glia on this machine, in one foreground command (`python -m local.up`). Ctrl-C stops it.

Variables: GLIA_HOME (data, default `.glia`), GLIA_PORT (default 8765 or the next free one), GLIA_SAMPLE=0 (no sample
data), DATABASE_URL with DATABASE_SYSTEM_URL and DATABASE_OWNER_URL (your own Postgres), AWS_ENDPOINT_URL (your own
emulator), GLIA_EMULATOR_PYTHON, GLIA_LOCAL_WORKERS, GLIA_SWEEP_PERIOD.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from local.stopping import Stopping, install_handlers


def main() -> int:
    """Returns 0 after a stop by signal, 130 if it was cut short, 1 if Glia could not start."""
    stopping = Stopping()
    install_handlers(stopping)
    # Only now: loading these takes a moment, in which a signal would be lost or end the process in the middle.
    from local.config import ConfigError, LocalConfig
    from local.run import run

    try:
        return run(LocalConfig.from_env(os.environ), stopping)
    except KeyboardInterrupt:
        return 130
    except (ConfigError, OSError) as error:
        print(f"Glia cannot start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    # Not sys.exit: a sample that is still loading must not hold up the end.
    code = main()
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
    os._exit(code)
