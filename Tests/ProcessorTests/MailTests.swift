import Chronology
import Foundation
import ProcessorDomain
import Testing

@Suite struct MailTests {
    private func mail(
        name: String = "Ada", subject: String = "Hello", text: String = "Text", to: String = "ada@example.org"
    ) -> Mail {
        Mail(
            eventID: .make(), to: to, recipientName: name, subject: subject, text: text,
            date: Timestamp(secondsSinceEpoch: 1_795_167_000))
    }

    private func lines(_ mail: Mail) -> [String] {
        String(decoding: mail.message(from: "florin@example.net"), as: UTF8.self).components(separatedBy: "\r\n")
    }

    @Test func headers() {
        let mail = mail(name: "Ada \"L\"")
        #expect(
            Array(lines(mail).prefix(5)) == [
                "From: Florin <florin@example.net>", "To: \"Ada \\\"L\\\"\" <ada@example.org>", "Subject: Hello",
                "Date: Fri, 20 Nov 2026 09:30:00 +0000", "Message-ID: <\(mail.eventID)@example.net>",
            ])
    }

    @Test func theSameMailGivesTheSameBytes() {
        let mail = mail(text: "Grüße\n")
        #expect(mail.message(from: "florin@example.net") == mail.message(from: "florin@example.net"))
    }

    @Test func lineBreaksCannotAddHeaders() {
        let message = lines(
            mail(
                name: "Eve\r\nBcc: all@example.org", subject: "x\r\nX-Evil: 1",
                to: "a@example.org>\r\nBcc: <b@example.org"))
        #expect(!message.contains { $0.hasPrefix("Bcc:") || $0.hasPrefix("X-Evil:") })
    }

    @Test(arguments: [
        "", "plain", "Größe = 7 €\n\nzweite Zeile ",
        "a line that is much longer than seventy-six characters and so must be broken softly, twice at least, =",
        "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀", "tab\t\n trailing\t",
    ])
    func textSurvivesAStrangersParser(text: String) throws {
        let mail = mail(
            name: "Ädä \"L\" 用户",
            subject: "Budget Bücher: 80 % erreicht, 読書 und noch mehr davon", text: text)
        let message = mail.message(from: "florin@example.net")
        #expect(message.allSatisfy { $0 < 0x80 })
        #expect(lines(mail).allSatisfy { $0.utf8.count <= 100 })
        let parsed = try parsedByPython(message)
        #expect(parsed == [mail.subject, "ada@example.org", mail.recipientName, text + "\n"])
    }

    /// What Python's email package reads: subject, address, name, text.
    private func parsedByPython(_ message: [UInt8]) throws -> [String] {
        let script = """
            import email, email.policy, json, sys
            m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
            to = m["To"].addresses[0]
            print(json.dumps([m["Subject"], to.addr_spec, to.display_name, m.get_content().replace("\\r\\n", "\\n")]))
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", script]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(message))
        try input.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSONDecoder().decode([String].self, from: answer)
    }

    @Test func templates() throws {
        let recipient = Recipient(userID: .make(), email: "ada@example.org", displayName: "Ada")
        let now = Timestamp(secondsSinceEpoch: 1_795_167_000)
        let verification = Mail.verification(
            eventID: .make(), to: recipient, token: "abc_-9", publicURL: "http://127.0.0.1:8080", validUntil: now,
            at: now)
        #expect(verification.text.contains("http://127.0.0.1:8080/verify?token=abc_-9\n"))
        let alert = BudgetAlert(
            budgetName: "Groceries", threshold: 80, spent: "166.50 EUR", limit: "200.00 EUR", percent: "83.25",
            periodStart: try CalendarDate(parsing: "2026-11-01"), periodEnd: try CalendarDate(parsing: "2026-11-30"))
        let mail = Mail.budgetAlert(eventID: .make(), to: recipient, alert: alert, at: now)
        #expect(mail.subject == "Budget Groceries: 80 % reached")
        #expect(mail.text.contains("166.50 EUR of 200.00 EUR are spent (83.25 %)"))
    }
}
