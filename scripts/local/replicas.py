"""An installation with several processes of a program."""

from . import installation, ports, process, programs


def instances(program, number):
    """The names of so many processes of a program: `gateway`, `gateway.2`."""
    return [program if index == 1 else f"{program}.{index}" for index in range(1, number + 1)]


def program_of(instance):
    """The program that a process runs."""
    return instance.split(".")[0]


class Replicated(installation.Installation):
    """Each program as often as `replicas` says, once where it says nothing; the services know all addresses of each other."""

    def __init__(self, replicas, spare=0):
        """spare: how many more free ports are kept, in `fresh`."""
        super().__init__(any_free_ports=True)
        self.replicas = replicas
        taken = set(self.ports.values())
        self.fresh = (port for port in ports.free(2 * len(self.all()) + len(taken) + spare) if port not in taken)
        self.addresses = {}  # instance -> (port of the service, port of its admin address)
        for instance in self.all():
            name = programs.PORT_NAMES[program_of(instance)]
            is_first = instance == program_of(instance)
            self.addresses[instance] = (
                (self.ports[name], self.ports[f"{name}_ADMIN"]) if is_first else (next(self.fresh), next(self.fresh)))

    def instances(self, program):
        return instances(program, self.replicas.get(program, 1))

    def all(self):
        """All processes in the order in which they start."""
        return [instance for program in programs.ORDER for instance in self.instances(program)]

    def prepare(self):
        """As always, then an environment for each process of a program."""
        super().prepare()
        lists = {f"FLORIN_{programs.PORT_NAMES[program]}_GRPC": ",".join(
            f"127.0.0.1:{self.addresses[instance][0]}" for instance in self.instances(program))
            for program in programs.ORDER if program != "gateway"}
        for instance in self.all():
            environment = dict(self.environments[program_of(instance)], **lists)
            listen = "FLORIN_HTTP_LISTEN" if program_of(instance) == "gateway" else "FLORIN_GRPC_LISTEN"
            for setting, port in zip((listen, "FLORIN_ADMIN_LISTEN"), self.addresses[instance]):
                environment[setting] = f"127.0.0.1:{port}"
            self.environments[instance] = environment

    def start(self, binaries):
        super().start(binaries)
        if not self.supervisor.is_asked_to_stop:
            self.supervisor.await_ready(self.all(), installation.PROGRAMS_TIMEOUT)

    def start_program(self, name):
        for instance in self.instances(name):
            self.start_instance(instance)

    def start_instance(self, instance):
        log = self.layout.path("log", f"{instance}.log")
        current = []

        def launch():
            command = [self.binary(program_of(instance)), "serve"]
            current[:] = [process.spawn(
                command, environment=self.environments[instance], log=log, sockets=self.sockets(instance))]

        self.supervisor.add(
            instance, launch, lambda: process.stop(current[0]),
            lambda: programs.readiness(self.addresses[instance][1]), lambda: current[0])

    def sockets(self, _):
        """The listening sockets that a process is handed."""
        return ()

    def kept(self, name):
        return next(kept for kept in self.supervisor.kept if kept.name == name)

    def gateways(self):
        """The ports of the public API."""
        return [self.addresses[instance][0] for instance in self.instances("gateway")]
