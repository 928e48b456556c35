from pathlib import Path

from redis.asyncio import Redis

from cli.up import embedded_server


def test_wheel_brings_a_server_for_this_machine() -> None:
    binary = embedded_server.find_binary()

    assert binary is not None
    assert binary.is_file()


def test_url_survives_blanks_and_percent_signs_in_the_path() -> None:
    socket = Path("/tmp/with blank %20/valkey.sock")

    client = Redis.from_url(embedded_server.url(socket))

    assert client.connection_pool.connection_kwargs["path"] == str(socket)


def test_server_has_no_tcp_port() -> None:
    command = embedded_server.command(Path("server"), socket=Path("s"), data=Path("d"), memory_bytes=1_000)

    assert command[command.index("--port") + 1] == "0"


def test_server_refuses_instead_of_evicting_beyond_its_memory() -> None:
    command = embedded_server.command(Path("server"), socket=Path("s"), data=Path("d"), memory_bytes=1_000)

    assert command[command.index("--maxmemory") + 1] == "1000"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
