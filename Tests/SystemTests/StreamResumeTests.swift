internal import Foundation
internal import Glibc
internal import Testing

/// Live streams through the running system: gateway, event processor, broker and database, with curl as the client.
@Suite(.serialized, .timeLimit(.minutes(20))) struct StreamResumeTests {
    @Test func aStreamGoesOnWhereItWasCut() async throws {
        try await LocalInstallation.with { installation in
            let run = try await installation.run()
            let (ada, bob) = (try await SignedInUser(at: installation), try await SignedInUser(at: installation))
            let bobs = try LiveStream(of: bob, in: installation)
            try await bobs.waitUntilOpen()
            var created: [String] = []

            // What happens while it is open, while nobody listens, and while it is being opened again.
            let first = try LiveStream(of: ada, in: installation)
            try await first.waitUntilOpen()
            created += try await create(5, by: ada)
            try await bob.createExpense()
            try await first.waitForExpenses(5)
            try await first.cut()
            created += try await create(5, by: ada)
            let last = try #require(first.expenses.dropLast(2).last)
            async let meanwhile = create(5, by: ada)
            let second = try LiveStream(of: ada, in: installation, after: last)
            created += try await meanwhile
            try await bob.createExpense()
            created += try await create(1, by: ada)
            try await second.waitForExpenses(2 + 5 + 5 + 1)
            try await second.cut()
            #expect(second.status == 200)

            // The same at a gateway that was just started.
            let pid = try #require(installation.pid(of: "gateway"))
            try #require(kill(pid, SIGKILL) == 0)
            try await wait(for: "another gateway") { installation.pid(of: "gateway").map { $0 != pid } ?? false }
            try await installation.waitUntilReady()
            let third = try LiveStream(of: ada, in: installation, after: last)
            created += try await create(2, by: ada)
            try await third.waitForExpenses(2 + 5 + 5 + 1 + 2)

            let trail = try await audited(ada, created)
            #expect(trail.map(\.expense) == created)
            let ids = trail.map(\.event)
            #expect(first.expenses == Array(ids[..<5]))
            #expect(second.expenses == Array(ids[3..<16]))
            #expect(third.expenses == Array(ids[3...]))
            let foreign = Set(bobs.all)
            #expect(bobs.expenses.count == 2 && foreign.isDisjoint(with: first.all + second.all + third.all))
            try await checkWhatIsNotKnown(ada, bob, ids, installation)
            run.send(SIGINT)
            #expect(try await run.exitStatus() == 0)
        }
    }

    /// One after the other; their ids.
    private func create(_ count: Int, by user: SignedInUser) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<count { ids.append(try await user.createExpense()) }
        return ids
    }

    /// What the audit trail says of the same events, in its order.
    private func audited(
        _ user: SignedInUser, _ expenses: [String]
    ) async throws -> [(event: String, expense: String)] {
        var found: [(event: String, expense: String)] = []
        try await wait(for: "the audit trail") {
            let rows = try await user.call("GET", "/v1/audit?limit=100").json["data"] as? [[String: Any]] ?? []
            found = rows.filter { $0["action"] as? String == "expense.expense_created" }
                .sorted { ($0["sequence"] as? Int ?? 0) < ($1["sequence"] as? Int ?? 0) }
                .compactMap { row in
                    guard let event = row["event_id"] as? String, let subject = row["subject"] as? String else {
                        return nil
                    }
                    return (event, subject)
                }
            return found.count == expenses.count
        }
        return found
    }

    /// Somebody else's event, one that never was, one that is not kept any more: the client is told that there is a gap.
    /// What cannot be an event is refused.
    private func checkWhatIsNotKnown(
        _ ada: SignedInUser, _ bob: SignedInUser, _ ids: [String], _ installation: LocalInstallation
    ) async throws {
        try await installation.query("UPDATE events.stream_events SET stored_at = now() - interval '2 hours'")
        try await installation.query("DELETE FROM events.stream_events WHERE stored_at < now() - interval '1 hour'")
        for (user, id) in [(bob, ids[0]), (ada, UUID().uuidString.lowercased()), (ada, ids[0])] {
            let stream = try LiveStream(of: user, in: installation, after: id)
            try await wait(for: "the gap to be told") { stream.output.contains("event: stream.gap\ndata: {}\n\n") }
            let expense = try await user.createExpense()
            try await stream.waitForExpenses(1)
            #expect(stream.output.contains(expense) && stream.status == 200)
            try await stream.cut()
        }
        let refused = try LiveStream(of: ada, in: installation, after: "garbage")
        try await wait(for: "the refusal") { refused.output.contains("invalid_last_event_id") }
        #expect(refused.status == 400)
    }
}

/// A run of curl that reads a stream into a file.
private struct LiveStream {
    private let child: ChildProcess

    init(of user: SignedInUser, in installation: LocalInstallation, after event: String? = nil) throws {
        let resumed = event.map { ["--header", "Last-Event-ID: \($0)"] } ?? []
        child = try ChildProcess(
            URL(filePath: "/usr/bin/curl"),
            [
                "--silent", "--noproxy", "*", "--no-buffer", "--include", "--header",
                "Authorization: Bearer \(user.token)",
            ]
                + resumed + [user.base + "/v1/events/stream"],
            environment: [:], output: installation.folder.appending(path: "stream-\(UUID().uuidString).out"))
    }

    /// Everything so far.
    var output: String { (try? child.output()) ?? "" }
    /// The status of the answer; 0 while there is none.
    var status: Int { output.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
    /// The ids of all events.
    var all: [String] { fields("id: ") }

    /// The ids of the expenses that were created.
    var expenses: [String] {
        zip(all, fields("event: ").filter { !$0.hasPrefix("stream.") })
            .filter { $1 == "expense.expense_created.v1" }.map(\.0)
    }

    private func fields(_ name: String) -> [String] {
        // An event that is not complete is none yet.
        let complete = output.range(of: "\n\n", options: .backwards).map { output[..<$0.upperBound] } ?? ""
        return complete.split(separator: "\n").filter { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
    }

    func waitUntilOpen() async throws {
        try await wait(for: "the stream to be open") { output.contains(": connected\n\n") }
    }

    /// Waits for that many created expenses.
    func waitForExpenses(_ count: Int) async throws {
        try await wait(for: "\(count) expenses on the stream") { expenses.count >= count }
    }

    /// The client goes away.
    func cut() async throws {
        child.send(SIGKILL)
        _ = try await child.exitStatus()
    }
}

extension SignedInUser {
    /// Creates an expense; its id.
    @discardableResult
    func createExpense() async throws -> String {
        let answer = try await call(
            "POST", "/v1/expenses", ["amount": ["amount": "1.00", "currency": "EUR"], "spent_on": "2026-11-10"])
        try #require(answer.status == 201, "\(answer.json)")
        return try #require(answer.json["id"] as? String)
    }
}
