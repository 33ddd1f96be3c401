"""`python -m glia_localstack`: LocalStack, which ends with the process that started it.

LocalStack's own handler of SIGTERM prints first; when nobody reads its lines any more, it fails there and stays.
"""

from __future__ import annotations

import os
import threading
import time

from localstack.runtime.main import main

PERIOD = 0.5


def end_with(parent: int) -> None:
    """Ends this process, and with its Runtime APIs the functions, soon after `parent` has ended."""
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    main()
