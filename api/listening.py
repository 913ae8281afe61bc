"""The socket that a server listens on."""

import socket


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Connections send each part of an answer at once. Where the kernel waits for the other side to
    confirm the headers before it sends the body, each answer on a kept connection takes 40 ms
    longer; asyncio tells it not to, but only on sockets that name their protocol, and those of
    :func:`socket.create_server` do not. Linux hands the option on to what is accepted.

    Raises
    ------
    OSError
        The address is taken, or is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.create_server((host.strip("[]"), port), family=family)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door
