"""The installation that faults are done to: several processes of a service, and links that can be cut."""

import urllib.parse

from local import installation, ports, process, programs

from . import mailbox, network

# How many processes of a program run; of the others one.
REPLICAS = {"expense-service": 2, "portfolio-service": 2, "event-processor": 2, "gateway": 2}
SERVERS = {"postgres": "FLORIN_DATABASE_URL", "rabbitmq": "FLORIN_AMQP_URL"}
MAIL_LINK = "event-processor>mail"


def instances(program):
    """The names of a program's processes: `gateway`, `gateway.2`."""
    return [program if number == 1 else f"{program}.{number}" for number in range(1, REPLICAS.get(program, 1) + 1)]


def program_of(instance):
    """The program that a process runs."""
    return instance.split(".")[0]


ALL = [instance for program in programs.ORDER for instance in instances(program)]
# Links by name, `expense-service.2>postgres`.
LINKS = [f"{instance}>{server}" for instance in ALL for server in SERVERS
         if (server, instance.split(".")[0]) != ("postgres", "gateway")]


class Cluster(installation.Installation):
    """Each process reaches PostgreSQL and RabbitMQ through a link of its own; the suite itself does without."""

    def __init__(self):
        super().__init__(any_free_ports=True)
        spare = iter(ports.free(2 * len(ALL) + len(LINKS) + 2))
        taken = {port for port in self.ports.values()}
        fresh = (port for port in spare if port not in taken)
        self.addresses = {}  # instance -> (port of the service, port of its admin address)
        for instance in ALL:
            name = programs.PORT_NAMES[program_of(instance)]
            is_first = instance == program_of(instance)
            self.addresses[instance] = (
                (self.ports[name], self.ports[f"{name}_ADMIN"]) if is_first else (next(fresh), next(fresh)))
        targets = {"postgres": self.ports["POSTGRES"], "rabbitmq": self.ports["AMQP"]}
        links = {name: (next(fresh), targets[name.split(">")[1]]) for name in LINKS}
        self.mail_port = next(fresh)
        links[MAIL_LINK] = (next(fresh), self.mail_port)
        self.network = network.Network(links)
        self.mailbox = mailbox.Mailbox(self.mail_port, self.layout.path("mail"))

    def prepare(self):
        """As always, then an environment for each process of a program."""
        super().prepare()
        lists = {f"FLORIN_{programs.PORT_NAMES[program]}_GRPC": ",".join(
            f"127.0.0.1:{self.addresses[instance][0]}" for instance in instances(program))
            for program in programs.ORDER if program != "gateway"}
        for program in programs.ORDER:
            for instance in instances(program):
                environment = dict(self.environments[program], **lists)
                listen = "FLORIN_HTTP_LISTEN" if program == "gateway" else "FLORIN_GRPC_LISTEN"
                for setting, port in zip((listen, "FLORIN_ADMIN_LISTEN"), self.addresses[instance]):
                    environment[setting] = f"127.0.0.1:{port}"
                for server, setting in SERVERS.items():
                    if setting in environment and f"{instance}>{server}" in self.network.links:
                        environment[setting] = redirected(
                            environment[setting], self.network.port(f"{instance}>{server}"))
                self.environments[instance] = environment

    def start(self, binaries):
        super().start(binaries)
        if not self.supervisor.is_asked_to_stop:
            self.supervisor.await_ready(ALL, installation.PROGRAMS_TIMEOUT)

    def start_program(self, name):
        for instance in instances(name):
            self.start_instance(instance)

    def start_instance(self, instance):
        log = self.layout.path("log", f"{instance}.log")
        current = []

        def launch():
            command = [self.binary(program_of(instance)), "serve"]
            current[:] = [process.spawn(command, environment=self.environments[instance], log=log)]

        self.supervisor.add(
            instance, launch, lambda: process.stop(current[0]),
            lambda: programs.readiness(self.addresses[instance][1]), lambda: current[0])

    def send_mail(self, by_smtp):
        """Has the event processors write mails into the folder, or hand them to the mail server; restarts them."""
        for instance in instances("event-processor"):
            environment = self.environments[instance]
            if by_smtp:
                environment.pop("FLORIN_MAIL_DIR", None)
                environment["FLORIN_SMTP_URL"] = f"smtp://127.0.0.1:{self.network.port(MAIL_LINK)}"
            else:
                environment.pop("FLORIN_SMTP_URL", None)
                environment["FLORIN_MAIL_DIR"] = self.layout.path("mail")
            process.stop(self.kept(instance).child())
        self.supervisor.await_ready(instances("event-processor"), installation.PROGRAMS_TIMEOUT)

    def kept(self, name):
        return next(kept for kept in self.supervisor.kept if kept.name == name)

    def gateways(self):
        """The ports of the public API."""
        return [self.addresses[instance][0] for instance in instances("gateway")]

    def set_memory_alarm(self, is_on):
        """Has the broker believe that its memory is used up, or that it has as much as usual."""
        self.rabbitmq.control("set_vm_memory_high_watermark", *(("0",) if is_on else ("absolute", "1GB")))

    def stop(self):
        super().stop()
        self.mailbox.stop()
        self.network.stop()


def redirected(url, port):
    """The same URL with another port."""
    parts = urllib.parse.urlsplit(url)
    account = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{account}@127.0.0.1:{port}").geturl()
