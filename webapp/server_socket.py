"""The web server's socket, bound before anything else starts, so that a taken port or a wrong address is reported first."""

import ipaddress
import socket

from training.environment import in_url

DEFAULT_PORT = 8000
LARGEST_PORT = 65535


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on a name or address of either family, on the first free port from 8000 if none is given.

    Raise OSError with a sentence.
    """
    if port is not None and not 0 <= port <= LARGEST_PORT:
        raise OSError(f"--port must be a number from 0 to {LARGEST_PORT}, not {port}.")
    bare = host.strip().removeprefix("[").removesuffix("]")
    try:
        infos = socket.getaddrinfo(bare or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise OSError(f"--host must be an address or name of this machine, and “{host}” is not: {error}.") from None
    family, _, _, _, address = infos[0]
    problem: Exception | None = None
    for candidate in [*range(DEFAULT_PORT, DEFAULT_PORT + 10), 0] if port is None else [port]:
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address[0], candidate, *address[2:]))
            listener.listen(512)
        except OSError as error:
            listener.close()
            problem = error
        else:
            return listener
    raise OSError(f"Cannot listen on {in_url(bare)}:{port}: {problem}")


def host_of(listener: socket.socket) -> str:
    """Return the socket's address on this machine, as in a Host header; loopback for a socket that listens on all addresses."""
    address = ipaddress.ip_address(listener.getsockname()[0].partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return in_url(str(address))


def url_of(listener: socket.socket) -> str:
    return f"http://{host_of(listener)}:{listener.getsockname()[1]}"
