"""An HTTP server that answers as a test's script says: late, in pieces, too much, wrongly or not at all.

    async with faulty_server.running(answers.resets(), tls=server_context) as server: ...

Over plain TCP it also stands for a server that fails before or during a TLS handshake.
"""

from tests.support.faulty_server.connection import Answer, Connection, Request
from tests.support.faulty_server.server import FaultyServer, running, tls_context

__all__ = ["Answer", "Connection", "FaultyServer", "Request", "running", "tls_context"]
