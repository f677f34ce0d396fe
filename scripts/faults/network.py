"""The network between Florin and its servers, under our control: TCP links that can be cut, stalled and healed.

A link listens on a port of its own and passes bytes on to a server. It runs in a process of its own, so that neither
the load nor the count slows it down, and takes its orders from standard input, one a line: `cut NAME`, `stall NAME`,
`heal NAME`. Each is answered by a line when it is done.
"""

import errno
import json
import selectors
import socket
import struct
import subprocess
import sys

OPEN, STALLED, CUT = "open", "stalled", "cut"
BUFFER_LIMIT = 256 << 10
# Closes with a reset: nothing is sent and nothing is waited for.
ABORT = struct.pack("ii", 1, 0)


class Network:
    """The links, as those who break them see them."""

    def __init__(self, links):
        """links: name -> (port to listen on, port of the server)."""
        self.links = links
        self.states = dict.fromkeys(links, OPEN)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-B", __file__, json.dumps(links)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.answer()

    def port(self, name):
        return self.links[name][0]

    def matching(self, pattern):
        """Names of links: one, or with `*` in place of the program all that lead to a server."""
        if not pattern.startswith("*"):
            return [pattern]
        return [name for name in self.links if name.endswith(pattern[1:])]

    def cut(self, pattern):
        """Resets all connections and refuses new ones."""
        self.order("cut", pattern, CUT)

    def stall(self, pattern):
        """Nothing gets through any more and nobody is told; bytes under way arrive after the healing."""
        self.order("stall", pattern, STALLED)

    def heal(self, pattern):
        """As before."""
        self.order("heal", pattern, OPEN)

    def order(self, verb, pattern, state):
        for name in self.matching(pattern):
            self.process.stdin.write(f"{verb} {name}\n")
            self.process.stdin.flush()
            self.answer()
            self.states[name] = state

    def answer(self):
        line = self.process.stdout.readline()
        if line != "done\n":
            raise RuntimeError(f"the network answered {line!r}")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Flow:
    """Bytes in one direction of a connection."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.buffer = bytearray()
        self.is_over = False  # the source has said its last
        self.is_told = False  # and the sink knows

    def read(self):
        """False when the connection is broken."""
        try:
            data = self.source.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.is_over = not data
        self.buffer += data
        return self.write()

    def write(self):
        """False when the connection is broken."""
        try:
            while self.buffer:
                del self.buffer[:self.sink.send(self.buffer)]
            if self.is_over and not self.is_told:
                self.is_told = True
                self.sink.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return True
        except OSError as error:
            # A connection that is not made yet takes nothing; its making is announced as readiness to write.
            return error.errno == errno.ENOTCONN and not self.is_told
        return True


class Link:
    """A port and the connections through it."""

    def __init__(self, selector, port, server):
        self.selector = selector
        self.port = port
        self.server = server
        self.state = CUT
        self.listener = None
        self.flows = {}  # socket -> (flow out of it, flow into it)

    def heal(self):
        if self.state == CUT:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
            self.listener.listen(512)
            self.listener.setblocking(False)
        if self.state != OPEN:
            self.state = OPEN
            self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
            for end in self.flows:
                self.watch(end)

    def stall(self):
        if self.state == OPEN:
            self.state = STALLED
            for end in [self.listener, *self.flows]:
                self.unwatch(end)

    def cut(self):
        if self.state == CUT:
            return
        self.stall()
        self.state = CUT
        for end in [self.listener, *self.flows]:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            end.close()
        self.flows.clear()

    def accept(self, listener, _):
        if self.state != OPEN:
            return None
        try:
            client, _ = listener.accept()
        except OSError:
            return None
        server = socket.socket()
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.connect_ex(("127.0.0.1", self.server)) not in (0, errno.EINPROGRESS):
            return self.abort(client, server)
        there, back = Flow(client, server), Flow(server, client)
        self.flows[client], self.flows[server] = (there, back), (back, there)
        self.selector.register(client, selectors.EVENT_READ, self.serve)
        self.selector.register(server, selectors.EVENT_READ | selectors.EVENT_WRITE, self.serve)
        return None

    def interest(self, end):
        out, into = self.flows[end]
        wanted = selectors.EVENT_READ if not out.is_over and len(out.buffer) < BUFFER_LIMIT else 0
        return wanted | (selectors.EVENT_WRITE if into.buffer or (into.is_over and not into.is_told) else 0)

    def serve(self, end, events):
        if self.state != OPEN or end not in self.flows:
            return
        out, into = self.flows[end]
        is_well = not events & selectors.EVENT_WRITE or into.write()
        if events & selectors.EVENT_READ:
            is_well = is_well and out.read()
        if not is_well or (out.is_told and into.is_told):
            self.forget(end, out.sink, is_orderly=is_well)
            return
        for changed in (end, out.sink):
            self.watch(changed)

    def watch(self, end):
        wanted = self.interest(end)
        if not wanted:
            self.unwatch(end)
        elif end not in self.selector.get_map():
            self.selector.register(end, wanted, self.serve)
        elif self.selector.get_key(end).events != wanted:
            self.selector.modify(end, wanted, self.serve)

    def unwatch(self, end):
        if end in self.selector.get_map():
            self.selector.unregister(end)

    def forget(self, *ends, is_orderly):
        for end in ends:
            self.flows.pop(end, None)
            self.unwatch(end)
        if not is_orderly:
            return self.abort(*ends)
        for end in ends:
            end.close()
        return None

    @staticmethod
    def abort(*ends):
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            end.close()


def main(arguments):
    """Serves the links until standard input ends."""
    selector = selectors.DefaultSelector()
    links = {name: Link(selector, *ports) for name, ports in json.loads(arguments[0]).items()}
    for link in links.values():
        link.heal()
    orders = bytearray()

    def take_orders(file, _):
        data = file.read(65536)
        if data == b"":
            sys.exit(0)
        orders.extend(data)
        while b"\n" in orders:
            line, _, rest = orders.partition(b"\n")
            orders[:] = rest
            verb, name = line.decode().split(" ", 1)
            getattr(links[name], verb)()
            print("done", flush=True)

    selector.register(open(0, "rb", buffering=0), selectors.EVENT_READ, take_orders)
    print("done", flush=True)
    while True:
        for key, events in selector.select():
            key.data(key.fileobj, events)


if __name__ == "__main__":
    main(sys.argv[1:])
