"""The `glia` command line. Each command is a module; `app` puts them together."""
