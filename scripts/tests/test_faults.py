"""The parts of the fault suite that need no server."""

import contextlib
import json
import os
import random
import smtplib
import socket
import sys
import tempfile
import threading
import unittest
import uuid

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from faults import bus, checks, client, cluster, ledger, mailbox, meter, network, plan, record  # noqa: E402
from local import ports  # noqa: E402


class PlanTests(unittest.TestCase):
    def make(self, seed):
        return [repr(fault) for fault in plan.make(seed, 100, 60, 4, 3)]

    def test_a_seed_gives_always_the_same_faults(self):
        self.assertEqual(self.make(5), self.make(5))
        self.assertNotEqual(self.make(5), self.make(6))

    def test_the_order_is_that_of_times_within_the_run(self):
        times = [fault.at for fault in plan.make(9, 100, 60, 4, 3)]
        self.assertEqual(times, sorted(times))
        self.assertTrue(all(0 <= time <= 100 for time in times))

    def test_each_named_point_is_met_in_each_program_as_often_as_asked(self):
        crashes = [(fault.detail.split(":")[0], cluster.program_of(fault.victim))
                   for fault in plan.make(1, 10, 0, 0, 3)]
        for point, programs in plan.POINTS.items():
            for program in programs:
                self.assertEqual(crashes.count((point, program)), 3)

    def test_every_process_and_server_is_killed(self):
        faults = plan.make(2, 100, 400, 0, 0)
        self.assertEqual(len(faults), 400)
        self.assertEqual({fault.victim for fault in faults}, {*cluster.ALL, "postgres", "rabbitmq"})
        self.assertEqual({fault.action for fault in faults if fault.victim == "postgres"}, {"kill", "immediate"})
        few = [cluster.program_of(fault.victim) for fault in plan.make(3, 100, 20, 0, 0)]
        self.assertTrue(all(few.count(victim) >= plan.LEAST for victim in plan.VICTIMS))

    def test_every_other_pause_is_the_brokers(self):
        pauses = [fault.victim for fault in plan.make(4, 100, 0, 12, 0)]
        self.assertEqual(len(pauses), 12)
        self.assertEqual(pauses.count("rabbitmq"), 6)

    def test_the_network_is_cut_and_stalled_in_turns_and_only_where_there_is_a_link(self):
        breaks = [fault for fault in plan.make(5, 100, 0, 0, 0, cuts=200, alarms=3) if fault.action != "alarm"]
        self.assertEqual([fault.action for fault in breaks].count("cut"), 100)
        everywhere = {"*>postgres", "*>rabbitmq"}
        self.assertEqual({fault.victim for fault in breaks} - everywhere, set(cluster.LINKS))
        self.assertLessEqual(everywhere, {fault.victim for fault in breaks})
        self.assertEqual(len(plan.make(5, 100, 0, 0, 0, cuts=0, alarms=3)), 3)

    def test_the_points_are_those_of_the_sources(self):
        found = set()
        for folder in ("Libs", "Services"):
            for place, _, names in os.walk(os.path.join(os.path.dirname(SCRIPTS), folder)):
                for name in names:
                    if name.endswith(".swift"):
                        with open(os.path.join(place, name), encoding="utf-8") as file:
                            found |= {part.split('"')[0] for part in file.read().split('FaultPoint.reached("')[1:]}
        self.assertEqual(found, set(plan.POINTS))


class Broker:
    """What the management interface tells of the bindings."""

    virtual_host = "florin"
    bound = {"expense.user-lifecycle": ["florin.auth.user_registered.*"], "processor.audit": ["florin.#"],
             "processor.mail": ["florin.auth.user_registered.*", "florin.expense.budget_exceeded.*"],
             "portfolio.performance": ["florin.portfolio.portfolio_updated.*"], "amq.gen-x": ["florin.#"]}

    def api(self, method, path):
        assert (method, path) == ("GET", "/exchanges/florin/florin.events/bindings/source")
        return [{"destination": queue, "destination_type": "queue", "routing_key": pattern}
                for queue, patterns in self.bound.items() for pattern in patterns]


class BusTests(unittest.TestCase):
    def test_types_are_routed_as_the_queues_are_bound(self):
        consumers = bus.Consumers(Broker())
        self.assertEqual(
            consumers.of_type("florin.auth.user_registered.v1"),
            [("expense", "expense.user-lifecycle"), ("events", "processor.audit"), ("events", "processor.mail")])
        self.assertEqual(consumers.of_type("florin.expense.expense_created.v1"), [("events", "processor.audit")])
        self.assertEqual(
            consumers.condition("processor.mail"),
            "(type LIKE 'florin.auth.user_registered.%' OR type LIKE 'florin.expense.budget_exceeded.%')")

    def test_identifiers_are_of_version_7(self):
        identifier = uuid.UUID(bus.new_identifier(random.Random(1)))
        self.assertEqual((identifier.version, identifier.variant), (7, uuid.RFC_4122))

    def test_poison_is_expected_where_it_cannot_be_read(self):
        injector = bus.Injector(1, None, None, "", bus.Consumers(Broker()), 1)
        injector.publish = lambda *_: None
        injector.publish_unreadable()
        injector.publish_incompatible()
        event_type, body = injector.unreadable[0]
        parked = injector.expected_parked()
        self.assertIn(("events", "processor.audit", body.decode()), parked)
        incompatible = injector.incompatible[0]
        self.assertNotIn(("events", "processor.audit", incompatible["id"]), parked)
        self.assertTrue(any(name == incompatible["id"] for _, _, name in parked))
        self.assertGreaterEqual(len(parked), len(injector.consumers.of_type(event_type)))


class NetworkTests(unittest.TestCase):
    """Links, with an echo behind them."""

    def setUp(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=self.echo, args=[listener], daemon=True).start()
        self.network = network.Network({"a>echo": (ports.free(1)[0], listener.getsockname()[1])})
        self.addCleanup(self.network.stop)

    @staticmethod
    def echo(listener):
        def answer(connection):
            with connection, contextlib.suppress(ConnectionResetError):
                while data := connection.recv(65536):
                    connection.sendall(data)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[connection], daemon=True).start()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.network.port("a>echo")), 20)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, data):
        connection.sendall(data)
        return self.read(connection, len(data))

    @staticmethod
    def read(connection, count):
        found = b""
        while len(found) < count and (data := connection.recv(65536)):
            found += data
        return found

    def test_bytes_pass_and_the_end_of_the_stream_too(self):
        connection = self.connect()
        data = random.Random(1).randbytes(3_000_000)
        sender = threading.Thread(target=connection.sendall, args=[data])
        sender.start()
        self.assertEqual(self.read(connection, len(data)), data)
        sender.join()
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(connection.recv(1), b"")

    def test_a_cut_is_told_and_refuses_until_healed(self):
        connection = self.connect()
        self.assertEqual(self.ask(connection, b"one"), b"one")
        self.network.cut("*>echo")
        with self.assertRaises(ConnectionResetError):
            connection.recv(1)
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.network.heal("*>echo")
        self.assertEqual(self.ask(self.connect(), b"two"), b"two")

    def test_a_stall_is_silent_and_loses_nothing(self):
        connection = self.connect()
        self.assertEqual(self.ask(connection, b"one"), b"one")
        self.network.stall("a>echo")
        late = self.connect()
        for waiting in (connection, late):
            waiting.sendall(b"two")
            waiting.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                waiting.recv(1)
        self.network.heal("a>echo")
        for waiting in (connection, late):
            waiting.settimeout(20)
            self.assertEqual(self.read(waiting, 3), b"two")

    def test_what_is_not_there_is_a_broken_connection(self):
        free, listening = ports.free(2)
        elsewhere = network.Network({"a>nothing": (listening, free)})
        self.addCleanup(elsewhere.stop)
        with self.assertRaises(ConnectionResetError):
            with socket.create_connection(("127.0.0.1", listening), 20) as connection:
                connection.recv(1)


class MailboxTests(unittest.TestCase):
    def test_a_mail_is_kept_once_and_repeats_are_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            port = ports.free(1)[0]
            box = mailbox.Mailbox(port, folder)
            self.addCleanup(box.stop)
            mail = "Message-ID: <0198-a@localhost>\r\nSubject: x\r\n\r\n.one\r\n"
            for _ in range(2):
                with smtplib.SMTP("127.0.0.1", port, timeout=20) as client_of_it:
                    client_of_it.sendmail("a@example.org", ["b@example.org"], mail)
            self.assertEqual((box.taken, box.repeats, os.listdir(folder)), (2, 1, ["0198-a.eml"]))
            with open(os.path.join(folder, "0198-a.eml"), "rb") as file:
                self.assertEqual(file.read(), mail.encode())


class MeterTests(unittest.TestCase):
    def window(self, *attempts):
        book = meter.Meter()
        for number, (status, is_told_when, seconds) in enumerate(attempts):
            book.note(meter.WRITE, meter.Attempt(float(number), number + seconds, status, is_told_when))
        return book.window(0, len(attempts))

    def test_only_proper_refusals_are_within_the_contract(self):
        for attempt, outside in (
                ((201, False, 0), []), ((503, True, 0), []), ((503, False, 0), [503]), ((409, False, 0), []),
                ((500, False, 0), [500]), ((504, True, 0), [504]), ((None, False, 0), ["broken"])):
            self.assertEqual(self.window(attempt).outside_of((503, 409)), outside, attempt)
        self.assertEqual(self.window((503, True, 0)).outside_of(()), [503])

    def test_figures_are_of_those_that_succeeded_but_for_the_longest(self):
        window = self.window(*[(201, False, 0.001 * number) for number in range(1, 101)], (503, True, 7.0))
        self.assertAlmostEqual(window.percentile(0.5), 51)
        self.assertAlmostEqual(window.percentile(0.99), 100)
        self.assertAlmostEqual(window.longest(), 7)
        self.assertEqual(window.statuses, {201: 100, 503: 1})

    def test_a_window_has_what_began_in_it(self):
        book = meter.Meter()
        for began in (1.0, 2.0, 3.0):
            book.note(meter.WRITE, meter.Attempt(began, 9.0, 201, False))
        self.assertEqual([attempt.began for attempt in book.window(1.5, 3.0).attempts], [2.0, 3.0])
        self.assertEqual(book.window(1.5, 3.0, meter.READ).attempts, [])


class MailTests(unittest.TestCase):
    def test_some_events_are_worth_a_mail(self):
        for event_type, data, is_worth_it in (
                ("auth.email_verification_requested", {}, True), ("auth.user_registered", {}, False),
                ("auth.user_logged_in", {"new_device": True}, True), ("auth.user_logged_in", {}, False),
                ("auth.user_logged_in", {"new_device": False}, False),
                ("expense.budget_exceeded", {"crossing": 1}, True),
                ("expense.budget_exceeded", {"crossing": 2}, False)):
            text = json.dumps({"type": f"florin.{event_type}.v1", "data": data})
            self.assertEqual(checks.is_worth_a_mail(record.Event(1, "x", 1, text)), is_worth_it, text)


class RecordTests(unittest.TestCase):
    def test_the_data_of_an_event_is_taken_as_it_is_written(self):
        text = '{"id":"a","sequence":"00000000000000000012","source":"/s","subject":"x","data":{"b" : [1, 2]}}'
        event = record.Event(1, "auth", 1, text)
        self.assertEqual(event.data_text(), b'{"b" : [1, 2]}')
        self.assertEqual(event.sequence, 12)


class ClientTests(unittest.TestCase):
    """What a careful client does with each answer."""

    def play(self, outcomes, attempts=None):
        book = ledger.Ledger()
        careful = client.Client([1], book, patience=60)
        script = iter(outcomes)

        def once(*_):
            outcome = next(script)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome[0], outcome[1], b"{}"
        careful.once = once
        return careful.call("POST", "/", {}, key="k", attempts=attempts), book

    def test_it_repeats_until_there_is_an_outcome(self):
        answer, book = self.play([ConnectionResetError(), (503, {"Retry-After": "1"}), (504, {}), (201, {})])
        self.assertEqual((answer.status, answer.attempts, book.retries, book.faults), (201, 4, 3, []))

    def test_an_impatient_one_does_not_know(self):
        with self.assertRaises(client.Unknown):
            self.play([ConnectionResetError()], attempts=1)

    def test_answers_outside_of_the_contract_are_noted(self):
        for outcomes, complaints in (
                ([(503, {}), (201, {})], 1), ([(500, {})], 1), ([(422, {})], 0),
                ([(503, {"Retry-After": "1"}), (201, {})], 0)):
            _, book = self.play(outcomes)
            self.assertEqual(len(book.faults), complaints, outcomes)


if __name__ == "__main__":
    unittest.main()
