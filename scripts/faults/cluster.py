"""The installation that faults are done to: several processes of a service, and links that can be cut."""

import urllib.parse

from local import installation, process, programs, replicas
from local.replicas import program_of

from . import mailbox, network

# How many processes of a program run; of the others one.
REPLICAS = {"expense-service": 2, "portfolio-service": 2, "event-processor": 2, "gateway": 2}
SERVERS = {"postgres": "FLORIN_DATABASE_URL", "rabbitmq": "FLORIN_AMQP_URL"}
MAIL_LINK = "event-processor>mail"


def instances(program):
    """The names of a program's processes."""
    return replicas.instances(program, REPLICAS.get(program, 1))


ALL = [instance for program in programs.ORDER for instance in instances(program)]
# Links by name, `expense-service.2>postgres`.
LINKS = [f"{instance}>{server}" for instance in ALL for server in SERVERS
         if (server, program_of(instance)) != ("postgres", "gateway")]


class Cluster(replicas.Replicated):
    """Each process reaches PostgreSQL and RabbitMQ through a link of its own; the suite itself does without."""

    def __init__(self):
        super().__init__(REPLICAS, spare=len(LINKS) + 2)
        targets = {"postgres": self.ports["POSTGRES"], "rabbitmq": self.ports["AMQP"]}
        links = {name: (next(self.fresh), targets[name.split(">")[1]]) for name in LINKS}
        self.mail_port = next(self.fresh)
        links[MAIL_LINK] = (next(self.fresh), self.mail_port)
        self.network = network.Network(links)
        self.mailbox = mailbox.Mailbox(self.mail_port, self.layout.path("mail"))

    def prepare(self):
        """As always, then with the links in between."""
        super().prepare()
        for instance in ALL:
            environment = self.environments[instance]
            for server, setting in SERVERS.items():
                if setting in environment and f"{instance}>{server}" in self.network.links:
                    environment[setting] = redirected(environment[setting], self.network.port(f"{instance}>{server}"))

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
