"""Starts the door with the descriptors of its listener and of its link."""

import os
import socket
import sys
from typing import NoReturn

import uvloop

from worker.door import process
from worker.launcher.channel import Channel


def main(arguments: list[str]) -> NoReturn:
    """Serves until the worker has ended."""
    listener, link = (int(each) for each in arguments)
    process.harden(os.getppid())
    uvloop.run(process.serve(socket.socket(fileno=listener), Channel.from_descriptor(link)))


if __name__ == "__main__":
    main(sys.argv[1:])
