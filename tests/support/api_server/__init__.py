"""A small Kubernetes API server of our own, which the real kubectl and helm work against.

For tests, bench and the README's demonstration: TLS, a bearer token, enough of the API for everyday commands, and
control over time: requests that stall until they are released, and a count of what was asked. State lies in memory.
It runs nothing, schedules nothing, and judges objects only as far as a client would notice; tests/e2e has a real one.
"""

from tests.support.api_server.handle import ApiServer, Stall

__all__ = ["ApiServer", "Stall"]
