"""TCP ports on the loopback interface.

Ports stay below 32000: above, the kernel gives them to outgoing connections (net.ipv4.ip_local_port_range), and a
server that is started again may find its own port taken by a client.
"""

import random
import socket

from .problem import Problem

HIGHEST = 32000
# Sockets that hold the chosen ports.
_held = []


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


def reserve(port):
    """Keeps a free port for this process and its children; None where somebody has it.

    A bound socket that does not listen hinders no server that sets SO_REUSEADDR, as all of ours do, but everybody who asks
    without that option, as is done here (socket(7)).
    """
    holder = socket.socket()
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return None
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder


def free(count):
    """Chooses that many different free ports, which nobody else who chooses so is given as long as this process lives."""
    chosen = []
    for _ in range(10_000):
        port = random.randint(15000, HIGHEST - 1)
        holder = reserve(port)
        if holder is not None:
            _held.append(holder)
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
