import Chronology
import Foundation
import MailTransfer
import ProcessorDomain
import Testing
import TestKit

/// The client against aiosmtpd.
@Suite(.timeLimit(.minutes(5))) struct SMTPClientTests {
    private static let sender = "florin@example.net"

    private static func mail(to address: String = "zoe@example.org") -> Mail {
        Mail(
            eventID: .make(), to: address, recipientName: "Zoë Ærø", subject: "Größe: 80 % von 200,00 € erreicht",
            text: "Hallo Zoë,\n.\n..zwei Punkte\n.ein Punkt\n\nTschüß",
            date: Timestamp(microsecondsSinceEpoch: 1_795_167_000_123_456))
    }

    /// Runs `body` with a client of the server; the client ends with it.
    private static func withClient<Value>(
        _ url: String, timeout: Duration = patience, adjust: (inout SMTPClient.Configuration) -> Void = { _ in },
        body: (SMTPClient) async throws -> Value
    ) async throws -> Value {
        var configuration = SMTPClient.Configuration(server: try SMTPServer(url: url))
        configuration.timeout = timeout
        adjust(&configuration)
        let client = SMTPClient(configuration)
        defer { client.shutdown() }
        return try await body(client)
    }

    private static func send(
        _ address: String, through url: String, timeout: Duration = patience, message: [UInt8]? = nil
    ) async throws {
        try await withClient(url, timeout: timeout) { client in
            try await client.send(
                message ?? mail(to: address).message(from: sender), from: sender, to: [address])
        }
    }

    private static func failure(
        _ address: String, through url: String, timeout: Duration = patience
    ) async throws -> SMTPError {
        do {
            try await send(address, through: url, timeout: timeout)
        } catch let error as SMTPError {
            #expect(!"\(error)".contains(address))
            return error
        }
        throw MailServer.Failure(description: "the mail was taken")
    }

    @Test func aMailArrivesAsItWasMade() async throws {
        try await MailServer.running { server in
            let mail = Self.mail()
            let message = mail.message(from: Self.sender)
            try await Self.withClient("smtp://127.0.0.1:\(server.port)?hello=florin.example.net") { client in
                try await client.send(message, from: Self.sender, to: [mail.to])
            }
            try await eventually("it is there") { server.received.count == 1 }
            let received = server.received[0]
            #expect([UInt8](received.content) == message)
            #expect(received.from == Self.sender && received.to == [mail.to])
            #expect(received.hello == "florin.example.net")
            #expect(received.subject == mail.subject)
            #expect(received.recipientName == mail.recipientName)
            #expect(received.messageID == "<\(mail.eventID)@example.net>")
            #expect(received.text == mail.text + "\n")
        }
    }

    /// Lines that begin with dots, at every place that curl's buffers of 16 and 64 KiB can divide.
    @Test(arguments: [1, 2, 3, 7])
    func dotsAreStuffed(_ width: Int) async throws {
        let line = String(repeating: ".", count: width) + "\r\n"
        let body = String(repeating: line, count: 150_000 / line.utf8.count)
        let messages = [
            "Subject: dots\r\n\r\n\(body)", ".\r\n\r\n.\r\n", "Subject: x\r\n\r\n.", "Subject: x\r\n\r\nend",
        ]
        .map { Array($0.utf8) }
        try await MailServer.running { server in
            for message in messages {
                try await Self.send("zoe@example.org", through: "smtp://127.0.0.1:\(server.port)", message: message)
            }
            try await eventually("all are there") { server.received.count == messages.count }
            for (received, message) in zip(server.received, messages) {
                let isComplete = message.suffix(2) == [13, 10]
                #expect([UInt8](received.content) == message + (isComplete ? [] : [13, 10]))
            }
        }
    }

    @Test(arguments: [
        ("rcpt-550", 550), ("rcpt-450", 450), ("rcpt-421", 421), ("data-554", 554), ("data-552", 552),
        ("data-452", 452),
    ])
    func aRefusalHasItsReplyCode(_ name: String, _ reply: Int) async throws {
        try await MailServer.running { server in
            let url = "smtp://127.0.0.1:\(server.port)"
            let error = try await Self.failure("\(name)@example.org", through: url)
            #expect(error.code == .refused(reply: reply))
            #expect(error.isRetriable == (reply < 500))
            // The next mail is not the worse for it.
            try await Self.send("zoe@example.org", through: url)
            try await eventually("it is there") { server.received.map(\.to) == [["zoe@example.org"]] }
        }
    }

    @Test func aGreetingThatRefusesIsNotTheMailsFault() async throws {
        try await MailServer.running("--greeting", "554") { server in
            let error = try await Self.failure("zoe@example.org", through: "smtp://127.0.0.1:\(server.port)")
            #expect(error.code == .serverRefused)
            #expect(error.isRetriable)
        }
    }

    @Test func aServerThatIsAwayIsFoundWhenItIsBack() async throws {
        let port = try await MailServer.running { $0.port }
        let error = try await Self.failure("zoe@example.org", through: "smtp://127.0.0.1:\(port)")
        #expect(error.code == .unreachable)
        #expect(error.isRetriable)
        try await MailServer.running("--port", "\(port)") { server in
            try await Self.send("zoe@example.org", through: "smtp://127.0.0.1:\(port)")
            try await eventually("it is there") { server.received.count == 1 }
        }
    }

    @Test func anUnknownHostIsUnreachable() async throws {
        let error = try await Self.failure("zoe@example.org", through: "smtp://mail.invalid:25?starttls=never")
        #expect(error.code == .unreachable || error.code == .timedOut)
        #expect(error.isRetriable)
    }

    @Test func aSilentServerEndsAtTheBound() async throws {
        try await MailServer.running("--silent") { server in
            let error = try await Self.failure(
                "zoe@example.org", through: "smtp://127.0.0.1:\(server.port)", timeout: .seconds(1))
            #expect(error.code == .timedOut)
            #expect(error.isRetriable)
        }
    }

    @Test func aMessageThatIsNeverAnsweredEndsAtTheBound() async throws {
        try await MailServer.running { server in
            let error = try await Self.failure(
                "slow-1@example.org", through: "smtp://127.0.0.1:\(server.port)", timeout: .seconds(2))
            #expect(error.code == .timedOut)
        }
    }

    @Test func aConnectionThatBreaksInsteadOfAnAnswerLeavesItOpen() async throws {
        try await MailServer.running { server in
            let error = try await Self.failure("lost-1@example.org", through: "smtp://127.0.0.1:\(server.port)")
            #expect(error.code == .connectionLost)
            #expect(error.isRetriable)
        }
    }

    /// The mail is taken; the missing farewell may take its bound and changes nothing.
    @Test func aServerThatNeverSaysGoodbyeHasTheMail() async throws {
        try await MailServer.running { server in
            try await Self.send(
                "stay-1@example.org", through: "smtp://127.0.0.1:\(server.port)", timeout: .seconds(2))
            try await eventually("it is there") { server.received.count == 1 }
        }
    }

    @Test func aCancelledMailIsCalledOffBeforeItsMessageBegins() async throws {
        try await MailServer.running("--silent") { server in
            try await Self.withClient("smtp://127.0.0.1:\(server.port)") { client in
                let task = Task { try await client.send([], from: Self.sender, to: ["zoe@example.org"]) }
                task.cancel()
                let error = await #expect(throws: SMTPError.self) { try await task.value }
                #expect(error?.code == .cancelled)
            }
        }
    }

    @Test func whatDoesNotFitTheQueueIsRefusedAtOnce() async throws {
        try await MailServer.running("--silent") { server in
            try await Self.withClient(
                "smtp://127.0.0.1:\(server.port)",
                adjust: {
                    $0.connections = 1
                    $0.queueLimit = 1
                },
                body: { client in
                    let tasks = (0..<3).map { _ in
                        Task { () -> SMTPError.Code? in
                            do throws(SMTPError) {
                                try await client.send([], from: Self.sender, to: ["zoe@example.org"])
                                return nil
                            } catch {
                                return error.code
                            }
                        }
                    }
                    // The pool takes one or two of three; whoever is left over hears of it while the others hang.
                    var codes: [SMTPError.Code?] = []
                    await withTaskGroup(of: SMTPError.Code?.self) { group in
                        for task in tasks { group.addTask { await task.value } }
                        if let first = await group.next() { codes.append(first) }
                        for task in tasks { task.cancel() }
                        for await code in group { codes.append(code) }
                    }
                    #expect(codes.first == .overloaded)
                    #expect(codes.count == 3 && codes.last == .cancelled)
                })
        }
    }

    @Test(arguments: [
        "", "zoe", "@example.org", "zoe@", "zoe@example.org>\r\nRCPT TO:<eve@example.org", "zoe @example.org",
        "zoe@example.org\n", "<zoe@example.org>",
    ])
    func anAddressThatEndsTheCommandIsRefused(_ address: String) async throws {
        try await Self.withClient("smtp://127.0.0.1:9") { client in
            for (from, to) in [(Self.sender, [address]), (address, ["zoe@example.org"]), (Self.sender, [])] {
                let error = await #expect(throws: SMTPError.self) { try await client.send([], from: from, to: to) }
                #expect(error?.code == .invalidAddress)
                #expect(error?.isRetriable == false)
            }
        }
    }

    // MARK: Protection

    private static func withCertificates(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "florin-smtp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
            try await body(folder.path)
        } catch {
            try FileManager.default.removeItem(at: folder)
            throw error
        }
        try FileManager.default.removeItem(at: folder)
    }

    @Test(arguments: ["starttls", "implicit"])
    func aProtectedServerNeedsATrustedCertificate(_ kind: String) async throws {
        try await Self.withCertificates { folder in
            try await MailServer.running("--tls", kind, "--certificates", folder) { server in
                let base = "\(kind == "implicit" ? "smtps" : "smtp")://127.0.0.1:\(server.port)?"
                let required = kind == "implicit" ? base : base + "starttls=required&"
                let error = try await Self.failure("zoe@example.org", through: required)
                #expect(error.code == .tlsFailed)
                #expect(error.isRetriable)
                try await Self.send("zoe@example.org", through: "\(required)ca=\(folder)/ca.pem")
                try await eventually("it is there") { server.received.count == 1 }
                #expect(server.received[0].isTLS)
            }
        }
    }

    @Test func withoutTheOfferOfProtectionThereIsNoMail() async throws {
        try await MailServer.running("--user", "ada", "--password", "p") { server in
            let url = "smtp://ada:p@127.0.0.1:\(server.port)?starttls=required"
            let error = try await Self.failure("zoe@example.org", through: url)
            #expect(error.code == .tlsFailed)
            #expect(server.received.isEmpty)
        }
    }

    @Test func userAndPasswordAreSentWhereTheyAreGiven() async throws {
        try await MailServer.running("--user", "ada@example.net", "--password", "p:/ %ä") { server in
            let right = "smtp://ada%40example.net:p%3a%2f%20%25%c3%a4@127.0.0.1:\(server.port)"
            try await Self.send("zoe@example.org", through: right)
            try await eventually("it is there") { server.received.count == 1 }
            #expect(server.received[0].isAuthenticated)

            let wrong = try await Self.failure("zoe@example.org", through: "smtp://ada:s3cret@127.0.0.1:\(server.port)")
            #expect(wrong.code == .authenticationFailed)
            #expect(wrong.isRetriable)
            #expect(!"\(wrong)".contains("s3cret"))
            let none = try await Self.failure("zoe@example.org", through: "smtp://127.0.0.1:\(server.port)")
            #expect(none.code == .authenticationFailed)
        }
    }
}
