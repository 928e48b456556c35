"""Recognizes a command that was sent before: a client that timed out and calls again must not install twice.

MCP has no idempotency key, and clients repeat calls that gave no result. So over MCP a write that is sent again joins
its job while the job runs, and afterwards until its result was delivered. A read is simply run again.
"""

import json

from gateway.intake.preparation import PreparedCall
from shared.sealing.fernet_keys import MasterKeys


def names(master_keys: MasterKeys, call: PreparedCall) -> list[str]:
    """Returns keyed hashes that are equal for the same command, caller and cluster, or none if the command is a read.

    There is one hash for each master key, so that gateways recognize each other's hashes while keys are rotated.

    The hash covers the parsed arguments: quotes, blanks and a leading tool name make no difference. The credentials in
    the request identify an anonymous caller; renewing the token of the gateway's own kubeconfig changes no hash.
    """
    if call.invocation.command_class.changes_nothing:
        return []
    asked = call.envelope.command
    caller = [call.caller.principal]
    if call.caller.is_anonymous:
        caller += [call.identity, json.dumps(asked.credentials, sort_keys=True)]
    work = [call.target, asked.tool, asked.arguments, asked.filters, asked.stdin, asked.files]
    return master_keys.fingerprints("repeatable", *caller, json.dumps(work, sort_keys=True))
