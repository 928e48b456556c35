"""Jobs that no gateway has looked at: sealed with the product's keys, and handed to its worker as they are.

So what the worker does about them is the work of its sandbox and its proxy, whatever a parser may have missed.
"""

import re
from collections.abc import Sequence

from shared.command import tokens
from shared.errors import RequestError
from shared.kubeconfig import cluster_access
from shared.models import CommandClass, CommandResponse, Job, Lane
from shared.network.endpoints import MAX_PORT
from shared.sealing.envelope import Command, RequestEnvelope
from shared.settings import SecurityMode
from shared.tools import registry
from shared.tools.tool import Tool
from tests.security.attack import Attack
from tests.security.scene import Scene, Seen, seen
from tests.support.handed_over import hand_over

PORT = re.compile(r":([0-9]{1,5})")
"""Each one that the words name is asked for, as if it stood in a URL on loopback."""
TIME_LIMIT_S = 20.0
QUEUE_WAIT_S = 60


async def attempt(scene: Scene, attack: Attack) -> Seen:
    """What becomes of the command's words, exactly as they are."""
    await scene.expect()
    sent = scene.filled(attack)
    first, *filters = _stages(sent.command)
    command = Command(
        tool=sent.tool,
        arguments=tuple(first[1:] if first[0] == sent.tool else first),
        filters=tuple(tuple(words) for words in filters),
        verb=(first[0],),
        kubeconfig=_rebuilt(scene) if sent.has_kubeconfig else None,
        needs_cluster=sent.has_kubeconfig,
        stdin=sent.stdin,
        files=dict(sent.files),
        loopback_ports=tuple(port for port in map(int, PORT.findall(sent.command)) if 0 < port <= MAX_PORT),
        listens=_listens(registry.find(sent.tool), first),
    )
    envelope = RequestEnvelope(
        command=command,
        command_class=CommandClass.READ,
        lane=Lane.FAST,
        time_limit_s=TIME_LIMIT_S,
        queue_wait_s=QUEUE_WAIT_S,
    )
    job_id = await hand_over(scene.product, envelope)
    async with scene.http(SecurityMode.STRICT) as http:
        job = Job.model_validate_json((await http.get(f"/jobs/{job_id}", params={"wait": 60})).text)
        return await seen(http, CommandResponse.model_validate(job.finished()))


def _rebuilt(scene: Scene) -> str:
    return cluster_access.rebuild(scene.api_server.kubeconfig(), context=None, allow_loopback=True).kubeconfig


def _listens(tool: Tool, words: Sequence[str]) -> bool:
    """As the words ask for it; always for a tool that is to get no listeners, whatever is sealed."""
    may_listen = tool.listening_verbs or tool.listening_flags
    by_flag = any(word.removeprefix("--") in tool.listening_flags for word in words)
    return not may_listen or words[0] in tool.listening_verbs or by_flag


def _stages(command: str) -> Sequence[Sequence[str]]:
    """As the gateway cuts it; what it refuses to cut, at its blanks."""
    try:
        return tokens.split(command)
    except RequestError:
        return [command.replace("\0", "").split()]
