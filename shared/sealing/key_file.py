"""Follows the file of master keys, so that `mcp-k8s key rotate` takes effect without a restart."""

import asyncio
from pathlib import Path

import structlog

from shared.sealing.fernet_keys import MasterKeys
from shared.settings import CommonSettings, split_keys

READ_INTERVAL_S = 2.0

log = structlog.get_logger()


async def follow(settings: CommonSettings, master_keys: MasterKeys) -> None:
    """Puts the file's keys into `master_keys` whenever they change. A file without keys changes nothing.

    Returns at once if the keys do not come from a file.
    """
    path = settings.followed_key_file
    if path is None:
        return
    known: str | None = settings.master_keys.get_secret_value()
    while True:
        found = await _read(path)
        if found != known:
            known = found
            _replace(master_keys, found or "")
        await asyncio.sleep(READ_INTERVAL_S)


def _replace(master_keys: MasterKeys, text: str) -> None:
    keys = split_keys(text)
    try:
        master_keys.replace(keys)
    except ValueError:
        log.error("master keys not reloaded: the file cannot be read or contains an invalid key")
    else:
        log.info("master keys reloaded", count=len(keys))


async def _read(path: Path) -> str | None:
    try:
        return (await asyncio.to_thread(path.read_text)).strip()
    except (OSError, UnicodeDecodeError):
        return None
