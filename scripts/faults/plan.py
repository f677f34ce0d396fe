"""What is broken when: a plan that follows from its seed alone."""

import random

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
}
# Each is killed at least so often when the number of kills allows it.
LEAST = 2
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 8.0
# Longer than a session of the database may be silent while it holds the lock of an outbox.
LONGEST_FREEZE = 16.0


class Fault:
    """One thing that is done to the system."""

    def __init__(self, at, action, victim, detail=None):
        self.at = at
        self.action = action
        self.victim = victim
        self.detail = detail

    def __repr__(self):
        return f"{self.at:8.2f} s  {self.action:<10} {self.victim}{f'  {self.detail}' if self.detail else ''}"


def make(seed, seconds, kills, pauses, crash_rounds):
    """The faults in the order of their times.

    kills: SIGKILL, or for PostgreSQL half of the times an immediate stop. pauses: SIGSTOP and SIGCONT, of the broker
    every other time, else of a program or PostgreSQL.
    crash_rounds: how often each program is made to die at each named point that it has.
    """
    chance = random.Random(seed)
    faults = []
    victims = [victim for victim in VICTIMS for _ in range(LEAST)] if kills > LEAST * len(VICTIMS) else []
    victims += chance.choices(list(VICTIMS), list(VICTIMS.values()), k=kills - len(victims))
    for victim in victims:
        action = "immediate" if victim == "postgres" and chance.random() < 0.5 else "kill"
        faults.append(Fault(chance.uniform(0, seconds), action, victim))
    for number in range(pauses):
        # Spread out: a broker that is paused again and again would only be away.
        start = seconds * (number + chance.random()) / pauses
        victim = "rabbitmq" if number % 2 == 0 else chance.choice([name for name in VICTIMS if name != "rabbitmq"])
        longest = LONGEST_PAUSE if victim in ("rabbitmq", "postgres") else LONGEST_FREEZE
        faults.append(Fault(start, "pause", victim, round(chance.uniform(SHORTEST_PAUSE, longest), 2)))
    for _ in range(crash_rounds):
        for point, programs in POINTS.items():
            for program in programs:
                visit = chance.choice((1, 1, 2, 3, 5))
                faults.append(Fault(chance.uniform(0, seconds), "crash", program, f"{point}:{visit}"))
    return sorted(faults, key=lambda fault: fault.at)
