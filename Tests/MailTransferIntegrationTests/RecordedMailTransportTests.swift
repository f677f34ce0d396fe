import Chronology
import MailTransfer
import Postgres
import ProcessorApplication
import ProcessorDomain
import ProcessorInfrastructure
import ServersTesting
import Synchronization
import Testing
import TestKit

/// The record of mails, with a transport that does as it is told.
@Suite(.timeLimit(.minutes(5))) struct RecordedMailTransportTests {
    private static func mail() -> Mail {
        Mail(
            eventID: .make(), to: "ada@example.org", recipientName: "Ada", subject: "s", text: "t",
            date: MailFixture.time)
    }

    @Test func aMailThatComesAgainIsHandedOverOnce() async throws {
        try await MailFixture.run { fixture in
            let inner = ScriptedTransport()
            let (first, second) = (fixture.recorded(inner), fixture.recorded(inner))
            let (mail, other) = (Self.mail(), Self.mail())
            for transport in [first, first, second] { try await transport.send(mail) }
            try await second.send(other)
            #expect(inner.handedOver == [mail.eventID: 1, other.eventID: 1])
            #expect(try await fixture.states() == ["sent", "sent"])
        }
    }

    @Test func twoProcessesDoNotHandOverTheSameMailSideBySide() async throws {
        try await MailFixture.run { fixture in
            let (gate, mail) = (Gate(), Self.mail())
            let slow = ScriptedTransport { _ in await gate.wait() }
            let quick = ScriptedTransport()
            let sending = Task { try await fixture.recorded(slow).send(mail) }
            try await eventually("the first is at it") { try await fixture.states() == ["sending"] }
            let second = fixture.recorded(quick)
            let error = await #expect(throws: MailTransportError.self) { try await second.send(mail) }
            #expect(error?.isRetriable == true)
            gate.open()
            try await sending.value
            try await second.send(mail)
            #expect(slow.handedOver == [mail.eventID: 1])
            #expect(quick.handedOver.isEmpty)
        }
    }

    @Test func aFailureThatPassesIsTriedAgainWhenDue() async throws {
        try await MailFixture.run { fixture in
            let mail = Self.mail()
            let inner = ScriptedTransport { attempt in
                if attempt == 1 { throw MailTransportError("later", isRetriable: true) }
            }
            let transport = fixture.recorded(inner, firstWait: .seconds(1))
            for _ in 0..<2 {
                let error = await #expect(throws: MailTransportError.self) { try await transport.send(mail) }
                #expect(error?.isRetriable == true)
            }
            // On a machine that took a second for the two, the second was due.
            #expect(inner.attempts <= 2)
            try await eventually("it is handed over") {
                do throws(MailTransportError) {
                    try await transport.send(mail)
                    return true
                } catch {
                    #expect(error.isRetriable)
                    return false
                }
            }
            #expect(inner.handedOver == [mail.eventID: 1] && inner.attempts == 2)
            #expect(try await fixture.states() == ["sent"])
        }
    }

    /// An operator who has mended the cause has the event handled again.
    @Test func aFailureThatStaysLeavesNoTrace() async throws {
        try await MailFixture.run { fixture in
            let mail = Self.mail()
            let inner = ScriptedTransport { attempt in
                if attempt == 1 { throw MailTransportError("never", isRetriable: false) }
            }
            let transport = fixture.recorded(inner)
            let error = await #expect(throws: MailTransportError.self) { try await transport.send(mail) }
            #expect(error?.isRetriable == false)
            #expect(try await fixture.states() == [])
            try await transport.send(mail)
            #expect(inner.handedOver == [mail.eventID: 1])
        }
    }

    /// What a process leaves that dies between the claim and the mark: whether the server has the mail nobody knows.
    @Test func aClaimOfADeadProcessRunsOut() async throws {
        try await MailFixture.run { fixture in
            let (mail, dead) = (Self.mail(), ScriptedTransport { _ in try await Task.sleep(for: .seconds(3_600)) })
            let dying = Task { try await fixture.recorded(dead, lease: .seconds(5)).send(mail) }
            try await eventually("it is at it") { dead.attempts == 1 }
            let inner = ScriptedTransport()
            let transport = fixture.recorded(inner)
            let error = await #expect(throws: MailTransportError.self) { try await transport.send(mail) }
            #expect(error?.isRetriable == true)
            try await eventually("the mail is handed over") {
                do {
                    try await transport.send(mail)
                    return true
                } catch {
                    return false
                }
            }
            #expect(inner.handedOver == [mail.eventID: 1])
            #expect(try await fixture.states() == ["sent"])
            // The dead one would not take the mark back, came it to life again.
            dying.cancel()
            await #expect(throws: MailTransportError.self) { try await dying.value }
            #expect(try await fixture.states() == ["sent"])
        }
    }

    /// `mail.after-send-before-mark`: the process dies when the server has taken the mail and nothing has noted it. That is the
    /// one window in which SMTP allows no more than at least once: the mail goes out once more when the claim has run out, byte
    /// for byte the same and with the same Message-ID, and never a third time.
    @Test func aDeathBetweenTheServersAnswerAndTheMarkGivesTheSameMailOnceMore() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                let client = SMTPClient(.init(server: try SMTPServer(url: "smtp://127.0.0.1:\(server.port)")))
                let smtp = SMTPMailTransport(client: client, sender: MailFixture.sender)
                let mail = Self.mail()
                let dead = fixture.recorded(DyingAfterwards(smtp), lease: .seconds(3))
                let dying = Task { try await dead.send(mail) }
                try await eventually("the server has it") { server.received.count == 1 }
                #expect(try await fixture.states() == ["sending"])
                for process in [fixture.recorded(smtp), fixture.recorded(smtp)] {
                    try await eventually("it is marked") {
                        do throws(MailTransportError) {
                            try await process.send(mail)
                            return true
                        } catch {
                            #expect(error.isRetriable)
                            return false
                        }
                    }
                }
                try await eventually("the server has told of both") { server.received.count >= 2 }
                #expect(server.received.count == 2)
                #expect(server.received[0].messageID == "<\(mail.eventID)@example.net>")
                #expect(server.received[0].content == server.received[1].content)
                #expect(try await fixture.states() == ["sent"])
                dying.cancel()
                await #expect(throws: MailTransportError.self) { try await dying.value }
                client.shutdown()
            }
        }
    }

    @Test func aCancelledCallerLeavesNoMailUnmarked() async throws {
        try await MailFixture.run { fixture in
            let mail = Self.mail()
            let inner = ScriptedTransport { _ in unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
            try await Task { try await fixture.recorded(inner).send(mail) }.value
            #expect(try await fixture.states() == ["sent"])
        }
    }

    @Test func aDatabaseThatDiesBeforeTheMarkCostsNoSecondMail() async throws {
        let postgres = try await TestPostgres.start()
        var failure: (any Error)?
        do {
            try await MailFixture.run(on: postgres) { fixture in
                let mail = Self.mail()
                let inner = ScriptedTransport { _ in
                    do { try await postgres.kill() } catch { Issue.record(error) }
                }
                let transport = fixture.recorded(inner)
                let error = await #expect(throws: MailTransportError.self) { try await transport.send(mail) }
                #expect(error?.isRetriable == true)
                try await postgres.restart()
                try await eventually("it is marked") {
                    do {
                        try await transport.send(mail)
                        return true
                    } catch {
                        return false
                    }
                }
                #expect(inner.handedOver == [mail.eventID: 1])
                #expect(try await fixture.states() == ["sent"])
            }
        } catch {
            failure = error
        }
        try await postgres.stop()
        if let failure { throw failure }
    }

    @Test func whatWasSentLongAgoIsForgottenBitByBit() async throws {
        try await MailFixture.run { fixture in
            try await fixture.pool.query(
                """
                INSERT INTO mail_deliveries (event_id, state, changed_at, not_before)
                SELECT gen_random_uuid(), CASE WHEN i > 6 THEN 'waiting' ELSE 'sent' END,
                    now() - i % 2 * interval '40 days', now()
                FROM generate_series(1, 8) AS i
                """)
            let transport = fixture.recorded(ScriptedTransport())
            for _ in 0..<2 { try await transport.send(Self.mail()) }
            // Three old ones that were sent are gone; three new ones and two of today stay, and both that wait.
            #expect(try await fixture.states() == ["sent", "sent", "sent", "sent", "sent", "waiting", "waiting"])
        }
    }
}

/// Counts what it is asked to hand over, and fails or waits as told.
final class ScriptedTransport: MailTransport {
    private struct State {
        var attempts = 0
        var handedOver: [UUIDv7: Int] = [:]
    }

    private let state = Mutex(State())
    private let behaviour: @Sendable (Int) async throws -> Void

    /// - Parameter behaviour: is told the how-manieth attempt it is.
    init(_ behaviour: @escaping @Sendable (Int) async throws -> Void = { _ in }) { self.behaviour = behaviour }

    var attempts: Int { state.withLock { $0.attempts } }
    var handedOver: [UUIDv7: Int] { state.withLock { $0.handedOver } }

    func send(_ mail: Mail) async throws(MailTransportError) {
        let attempt = state.withLock { state in
            state.attempts += 1
            return state.attempts
        }
        do {
            try await behaviour(attempt)
        } catch {
            throw error as? MailTransportError ?? MailTransportError("cancelled", isRetriable: true)
        }
        state.withLock { $0.handedOver[mail.eventID, default: 0] += 1 }
    }
}

/// Hands the mail over and never says so, as a process that dies then.
private struct DyingAfterwards: MailTransport {
    private let inner: any MailTransport

    init(_ inner: any MailTransport) { self.inner = inner }

    func send(_ mail: Mail) async throws(MailTransportError) {
        try await inner.send(mail)
        do {
            try await Task.sleep(for: .seconds(3_600))
        } catch {
            throw MailTransportError("cancelled", isRetriable: true)
        }
    }
}

/// Holds tasks until it is opened.
final class Gate: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    func wait() async { for await _ in stream {} }
    func open() { continuation.finish() }
}
