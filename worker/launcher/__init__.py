"""One small process per worker that starts the CLIs, so that the worker never forks.

`client` is the worker's side; all other modules also run in the launcher or in its children, and
import the standard library alone: what they load is copied by every fork.
"""
