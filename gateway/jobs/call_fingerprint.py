"""When a command is one that was sent before: a client that timed out and calls again must not install twice.

MCP has no idempotency key, and clients repeat what they saw no result of. So over MCP the same write is the job that it
is already, while that runs or for as long as nobody got its result. Reads are simply run again.
"""

import json

from gateway.intake.preparation import PreparedCall
from shared.sealing.fernet_keys import MasterKeys


def names(master_keys: MasterKeys, call: PreparedCall) -> list[str]:
    """Keyed hashes that are the same for the same command of the same caller on the same cluster; none for a read.

    One by each master key: gateways find each other's while the keys are exchanged.

    The arguments are those that run: quotes, blanks and a leading name of the tool make no difference. Who does not
    authenticate is told from others by the credentials in the request; a kubeconfig that the operator lends is the same
    one after its token was renewed.
    """
    if call.invocation.command_class.changes_nothing:
        return []
    asked = call.envelope.command
    caller = [call.caller.principal]
    if call.caller.is_anonymous:
        caller += [call.identity, json.dumps(asked.credentials, sort_keys=True)]
    work = [call.target, asked.tool, asked.arguments, asked.filters, asked.stdin, asked.files]
    return master_keys.fingerprints("repeatable", *caller, json.dumps(work, sort_keys=True))
