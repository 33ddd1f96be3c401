"""The application with a queue that keeps nothing: for benchmarks of its HTTP side (GLIA_LOCAL_APP=bench.quiet_app)."""

import os

from app import app
from bench.chat_latency import NoQueue
from chalicelib import wiring
from chalicelib.settings import Settings

wiring.use(wiring.build(Settings.from_env(os.environ), queue=NoQueue()))
__all__ = ["app"]
