"""TCP ports on the loopback interface.

Ports stay below 32000: above, the kernel gives them to outgoing connections (net.ipv4.ip_local_port_range), and a
server that is started again may find its own port taken by a client.
"""

import random
import socket

from .problem import Problem

HIGHEST = 32000


def is_free(port):
    """Tells whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: a port is free although connections of the last run are in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
    return True


def free(count):
    """Chooses that many different free ports."""
    chosen = []
    for _ in range(10_000):
        port = random.randint(15000, HIGHEST - 1)
        if port not in chosen and is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise Problem(f"no {count} free ports between 15000 and {HIGHEST}")


def require_free(port, purpose, setting):
    """Fails when the port is taken, naming the setting that changes it."""
    if not is_free(port):
        raise Problem(f"port {port} for {purpose} is taken by another program; choose another with {setting}=PORT")


def accepts(port, timeout=1.0):
    """Tells whether something accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout):
            return True
    except OSError:
        return False
