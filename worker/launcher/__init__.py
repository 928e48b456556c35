"""The launcher: one small process per worker that starts the CLIs, so that the worker never forks.

`client`, `link`, `run` and `pool` run in the worker. The others also run in the launcher or in its children. They
import only the standard library, because every fork copies the loaded modules, and find stand-ins for two large ones
in `light`.
"""
