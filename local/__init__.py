"""Everything behind `make up`: Postgres, emulator, server, worker and the supervisor over them. Not packaged."""
