internal import Foundation
internal import Testing

/// The life of an account through the public API, to its end in every service.
@Suite(.serialized, .timeLimit(.minutes(20))) struct AccountEndTests {
    @Test func aProfileIsChangedAndTheAccountIsErasedEverywhere() async throws {
        try await LocalInstallation.with { installation in
            let run = try await installation.run()
            let user = try await SignedInUser(at: installation)
            try await wait(for: "the verification mail") { try installation.hasMail(to: user.email) }
            try await changeTheProfile(of: user)
            try await leaveTraces(of: user)
            try await wait(for: "the mail about the budget") {
                try installation.mailCount(to: user.email) == 2
            }
            try await checkTheArchive(of: user)
            try await erase(user, installation)
            run.send(SIGINT)
            #expect(try await run.exitStatus() == 0)
        }
    }

    private func changeTheProfile(of user: SignedInUser) async throws {
        let before = try await user.call("GET", "/v1/users/me")
        let tag = try #require(before.headers["etag"])
        let change = ["display_name": "Ada Lovelace", "time_zone": "Europe/Vienna", "base_currency": "GBP"]
        let changed = try await user.call("PATCH", "/v1/users/me", change, headers: ["If-Match: \(tag)"])
        #expect(changed.status == 200 && changed.json["display_name"] as? String == "Ada Lovelace")
        let stale = try await user.call("PATCH", "/v1/users/me", ["locale": "de"], headers: ["If-Match: \(tag)"])
        #expect(stale.status == 412)
        let wrong = try await user.call("PATCH", "/v1/users/me", ["time_zone": "Mars/Olympus", "locale": "?"])
        #expect(wrong.status == 422)
        let fields = (wrong.json["errors"] as? [[String: Any]])?.compactMap { $0["field"] as? String }
        #expect(fields == ["locale", "time_zone"])
    }

    /// Something in every service, and the mail that uses the new name.
    private func leaveTraces(of user: SignedInUser) async throws {
        let euros = { (amount: String) in ["amount": amount, "currency": "EUR"] }
        let budget = try await user.call(
            "POST", "/v1/budgets",
            [
                "name": "All", "limit": euros("10.00"), "period": "monthly", "starts_on": "2026-11-01",
                "thresholds": [80],
            ])
        #expect(budget.status == 201, "\(budget.json)")
        let expense = try await user.call(
            "POST", "/v1/expenses", ["amount": euros("9.00"), "spent_on": "2026-11-10", "merchant": "Secret shop"])
        #expect(expense.status == 201, "\(expense.json)")
        let instrument = try await user.call(
            "POST", "/v1/instruments", ["type": "etf", "name": "Secret fund", "currency": "EUR"])
        #expect(instrument.status == 201, "\(instrument.json)")
    }

    /// Everything is in it, from every service, and nothing that proves who somebody is.
    private func checkTheArchive(of user: SignedInUser) async throws {
        let answer = try await user.call("GET", "/v1/users/me/export")
        try #require(answer.status == 200, "\(answer.json)")
        let rows = { (service: String, kind: String) in
            (answer.json[service] as? [String: Any])?[kind] as? [[String: Any]] ?? []
        }
        #expect(rows("auth", "user").map { $0["email"] as? String } == [user.email])
        #expect(rows("auth", "user").first?["display_name"] as? String == "Ada Lovelace")
        #expect(rows("auth", "sessions").count == 1)
        #expect(rows("expense", "categories").count == 12)
        #expect(rows("expense", "expenses").map { $0["merchant"] as? String } == ["Secret shop"])
        #expect(rows("expense", "expenses").map { $0["amount"] as? String } == ["9.00"])
        #expect(rows("expense", "budgets").count == 1)
        #expect(rows("portfolio", "portfolios").count == 1)
        #expect(rows("portfolio", "instruments").map { $0["name"] as? String } == ["Secret fund"])
        #expect(rows("events", "recipient").map { $0["display_name"] as? String } == ["Ada Lovelace"])
        #expect(rows("events", "audit_entries").count >= 6)
        let text = String(decoding: try JSONSerialization.data(withJSONObject: answer.json), as: UTF8.self)
        for secret in ["password", "argon2", "digest\":\"\\\\x", "refresh", "sealed"] {
            #expect(!text.contains(secret), "\(secret)")
        }
        #expect(answer.headers["cache-control"] == "no-store")
        #expect(try await user.call("GET", "/v1/users/me/export", anonymously: true).status == 401)
    }

    private func erase(_ user: SignedInUser, _ installation: LocalInstallation) async throws {
        let wrong = try await user.call("DELETE", "/v1/users/me", ["password": "wrong horse"])
        #expect(wrong.status == 403 && wrong.json["code"] as? String == "wrong_password")
        let asked = ContinuousClock.now
        let answer = try await user.call("DELETE", "/v1/users/me", ["password": user.password])
        #expect(answer.status == 202)
        let id = try #require(answer.json["erasure_id"] as? String)

        try await wait(for: "the access token to be refused") {
            try await user.call("GET", "/v1/expenses").status == 401
        }
        let late = try await user.call(
            "POST", "/v1/expenses", ["amount": ["amount": "1.00", "currency": "EUR"], "spent_on": "2026-11-10"])
        #expect(late.status == 401)
        var receipt: [String: Any] = [:]
        try await wait(for: "every service to confirm") {
            let shown = try await user.call("GET", "/v1/erasures/\(id)", anonymously: true)
            try #require(shown.status == 200)
            receipt = shown.json
            return receipt["completed_at"] is String
        }
        print("every service has confirmed the erasure \(ContinuousClock.now - asked) after it was asked for")
        let services = (receipt["services"] as? [[String: Any]])?.compactMap { $0["service"] as? String }
        #expect(services == ["auth", "expense", "portfolio", "processor"])
        #expect(try await user.call("GET", "/v1/erasures/AAAA", anonymously: true).status == 404)
        #expect(try await user.signIn() == 401)
        try await wait(for: "the last events to leave") {
            try await installation.tables(mentioning: [user.email, "Ada Lovelace", "Secret"]).isEmpty
        }
        let remembered = try await installation.tables(mentioning: [user.id])
        #expect(
            remembered == [
                "auth.erasures", "auth.removed_users", "events.audit_entries", "events.audit_heads",
                "events.erased_users",
                "expense.erased_users", "portfolio.erased_users",
            ])
    }
}

extension LocalInstallation {
    /// How many mails have been written to an address.
    func mailCount(to address: String) throws -> Int {
        let mails = folder.appending(path: "local/mail")
        return try FileManager.default.contentsOfDirectory(atPath: mails.path).count { name in
            guard name.hasSuffix(".eml") else { return false }
            return try String(contentsOf: mails.appending(path: name), encoding: .utf8).contains(address)
        }
    }

    /// The tables of all services, with their schemas, in which one of the texts stands, also in columns of bytes.
    func tables(mentioning texts: [String]) async throws -> [String] {
        let patterns = texts.flatMap { text in
            ["%\(text)%", "%\(text.utf8.map { String(format: "%02x", $0) }.joined())%"]
        }
        let statement = """
            SELECT table_schema || '.' || table_name FROM information_schema.tables
            WHERE table_schema IN ('auth', 'expense', 'portfolio', 'events') AND table_type = 'BASE TABLE'
                AND (xpath('/row/c/text()', query_to_xml(format(
                    'SELECT count(*) AS c FROM %I.%I t WHERE t::text ILIKE ANY (%L::text[])', table_schema, table_name,
                    '{\(patterns.joined(separator: ","))}'), false, true, '')))[1]::text::bigint > 0
            ORDER BY 1
            """
        return try await query(statement)
    }

    /// The lines that a statement answers.
    @discardableResult
    func query(_ statement: String) async throws -> [String] {
        let file = folder.appending(path: "psql-\(UUID().uuidString).out")
        let child = try ChildProcess(
            URL(filePath: "/usr/bin/psql"),
            ["-XqAt", "-c", statement, try #require(settings()["FLORIN_DB_URL"])],
            environment: ["PATH": "/usr/bin"], output: file)
        let status = try await child.exitStatus()
        let output = try child.output()
        try #require(status == 0, "\(output)")
        return output.split(separator: "\n").map(String.init)
    }
}
