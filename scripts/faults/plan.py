"""What is broken when: a plan that follows from its seed alone."""

import random

from . import cluster

# How often each is killed, in proportion.
VICTIMS = {
    "expense-service": 24, "portfolio-service": 20, "event-processor": 22, "auth-service": 14, "gateway": 10,
    "postgres": 6, "rabbitmq": 4}
# Named crash points (Libs/FaultPoints) and the programs that pass through them.
POINTS = {
    "service.before-commit": ("auth-service", "expense-service", "portfolio-service"),
    "service.after-commit-before-answer": ("auth-service", "expense-service", "portfolio-service"),
    "outbox.after-publish-before-delete": ("auth-service", "expense-service", "portfolio-service"),
    "consumer.after-effect-before-commit": ("expense-service", "portfolio-service", "event-processor"),
    "consumer.after-commit-before-ack": ("expense-service", "portfolio-service", "event-processor"),
    "mail.after-send-before-commit": ("event-processor",),
    "mail.after-send-before-mark": ("event-processor",),
}
# Only where mails go to a mail server.
POINTS_OF_SMTP = ("mail.after-send-before-mark",)
# The most visits to wait for where a program seldom comes: this one handles one event of each user.
RARE = {("consumer", "expense-service"): 2}
# Each is killed at least so often when the number of kills allows it.
LEAST = 2
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 8.0
# Longer than a session of the database may be silent while it holds the lock of an outbox.
LONGEST_FREEZE = 16.0
# A cut is told to both ends; of a link that is stalled they have to find out by themselves, within 20 s.
SHORTEST_CUT, LONGEST_CUT = 0.5, 6.0
LONGEST_STALL = 24.0
LONGEST_STALL_OF_POSTGRES = 12.0
# Every so often a break of the network is one for all processes at once.
FOR_ALL = 0.3
SHORTEST_ALARM, LONGEST_ALARM = 4.0, 12.0


class Fault:
    """One thing that is done to the system."""

    def __init__(self, at, action, victim, detail=None):
        self.at = at
        self.action = action
        self.victim = victim
        self.detail = detail

    def __repr__(self):
        return f"{self.at:8.2f} s  {self.action:<10} {self.victim}{f'  {self.detail}' if self.detail else ''}"


def make(seed, seconds, kills, pauses, crash_rounds, cuts=0, alarms=0, by_smtp=True):
    """The faults in the order of their times.

    kills: SIGKILL, or for PostgreSQL half of the times an immediate stop. pauses: SIGSTOP and SIGCONT, of the broker
    every other time, else of a program or PostgreSQL.
    crash_rounds: how often each program is made to die at each named point that it has.
    cuts: breaks of the network, half of them stalls. alarms: the broker runs out of memory. by_smtp: where mails go.
    """
    chance = random.Random(seed)
    faults = []
    victims = [victim for victim in VICTIMS for _ in range(LEAST)] if kills > LEAST * len(VICTIMS) else []
    victims += chance.choices(list(VICTIMS), list(VICTIMS.values()), k=kills - len(victims))
    for victim in victims:
        action = "immediate" if victim == "postgres" and chance.random() < 0.5 else "kill"
        faults.append(Fault(chance.uniform(0, seconds), action, one_of(victim, chance)))
    for number in range(pauses):
        # Spread out: a broker that is paused again and again would only be away.
        start = seconds * (number + chance.random()) / pauses
        victim = "rabbitmq" if number % 2 == 0 else chance.choice([name for name in VICTIMS if name != "rabbitmq"])
        longest = LONGEST_PAUSE if victim in ("rabbitmq", "postgres") else LONGEST_FREEZE
        faults.append(Fault(
            start, "pause", one_of(victim, chance), round(chance.uniform(SHORTEST_PAUSE, longest), 2)))
    for _ in range(crash_rounds):
        for point, programs in POINTS.items():
            for program in programs if by_smtp or point not in POINTS_OF_SMTP else ():
                visit = min(chance.choice((1, 1, 2, 3, 5)), RARE.get((point.split(".")[0], program), 5))
                faults.append(Fault(
                    chance.uniform(0, seconds), "crash", one_of(program, chance), f"{point}:{visit}"))
    for number in range(cuts):
        faults.append(network_fault(seconds * (number + chance.random()) / cuts, ("cut", "stall")[number % 2], chance))
    for number in range(alarms):
        start = seconds * (number + chance.random()) / alarms
        faults.append(Fault(start, "alarm", "rabbitmq", round(chance.uniform(SHORTEST_ALARM, LONGEST_ALARM), 2)))
    return sorted(faults, key=lambda fault: fault.at)


def one_of(victim, chance):
    """One of the processes of a program; a server is itself."""
    return chance.choice(cluster.instances(victim)) if victim in cluster.REPLICAS else victim


def network_fault(start, action, chance):
    """A link or all links to a server, and for how long."""
    link = chance.choice(cluster.LINKS)
    server = link.split(">")[1]
    if chance.random() < FOR_ALL:
        link = f"*>{server}"
    longest = LONGEST_CUT
    if action == "stall":
        longest = LONGEST_STALL_OF_POSTGRES if server == "postgres" else LONGEST_STALL
    return Fault(start, action, link, round(chance.uniform(SHORTEST_CUT, longest), 2))
