"""The launcher: one small process per worker that starts the CLIs, so that the worker never forks.

`client` runs in the worker. All other modules also run in the launcher or in its children. They import only the
standard library, because every fork copies the loaded modules.
"""
