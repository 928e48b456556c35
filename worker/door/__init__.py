"""The door: one process beside each worker, through which every command reaches its API server.

`client` runs in the worker. Everything else runs in the door's process, which has no master keys and no Redis.
"""
