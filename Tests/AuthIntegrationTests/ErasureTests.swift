import AuthApplication
import AuthInfrastructure
import Chronology
import CloudEvents
import Contracts
import GRPC
import Messaging
import Postgres
import Secrets
import ServiceRuntime
import Testing
import Validation

@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
    private func delete(
        _ bench: AuthBench, _ metadata: GRPCMetadata, password: String = AuthBench.password
    ) async throws -> String {
        try await bench.users.deleteMe(
            DeleteMeRequest(password: password), metadata: metadata, timeout: patience
        ).message.erasureID
    }

    private func receipt(_ bench: AuthBench, _ id: String) async throws -> Contracts.Erasure {
        try await bench.users.getErasure(GetErasureRequest(id: id), timeout: patience).message
    }

    @Test func nothingOfTheUserStays() async throws {
        try await AuthBench.with { bench in
            let key: GRPCMetadata = [
                IdempotentCalls.keyMetadata: "k", IdempotentCalls.fingerprintMetadata: "f",
            ]
            let user = try await bench.register("Ada.Secret@example.org", name: "Ada Secret", metadata: key).message
            let tokens = try await bench.logIn("ada.secret@example.org")
            let caller = try bench.caller(tokens)
            let patterns = [user.id, "ada.secret", "Ada Secret"]
            let receipts: PostgresQuery = "SELECT count(*) FROM idempotency_keys"
            #expect(try await bench.pool.query(receipts).first(as: Int.self) == 1)
            #expect(try await !bench.pool.tables(mentioning: patterns).contains("idempotency_keys"))

            let id = try await delete(bench, caller)
            #expect(id.utf8.count == 43)
            // The events leave with the relay; the receipt knows whom it was about, and nothing of them.
            #expect(try await bench.pool.tables(mentioning: patterns) == ["erasures", "outbox", "removed_users"])
            #expect(try await bench.pool.query(receipts).first(as: Int.self) == 0)
            let events = try await bench.events(of: user.id)
            #expect(events.map(\.type).suffix(2) == [SessionsRevokedV1.type, UserDeletedV1.type])
            #expect(events.compactMap(\.sequence) == Array(1...Int64(events.count)))
            let payload = try UserDeletedV1(decoding: try #require(events.last?.jsonData))
            #expect(payload.userID == user.id && payload.erasureID == id)
            let revoked = try SessionsRevokedV1(decoding: try #require(events[events.count - 2].jsonData))
            #expect(revoked.sessionIDs == [tokens.sessionID])

            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.status == 401)
            #expect(await problem { _ = try await bench.logIn("ada.secret@example.org") }?.status == 401)
            #expect(await problem { _ = try await delete(bench, caller) }?.status == 401)
            #expect(
                await problem {
                    _ = try await bench.client.getMe(Empty(), metadata: caller, timeout: patience)
                }?.status == 401)
            // The address is free again, for a new account.
            #expect(try await bench.register("ada.secret@example.org").message.id != user.id)
        }
    }

    @Test func theReceiptShowsWhoHasConfirmed() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let id = try await delete(bench, bench.caller(bench.logIn("ada@example.org")))
            var shown = try await receipt(bench, id)
            #expect(shown.services.map(\.service) == ["auth", "expense", "portfolio", "processor"])
            #expect(shown.services.map { $0.erasedAt != nil } == [true, false, false, false])
            #expect(shown.completedAt == nil && shown.requestedAt == shown.services[0].erasedAt)
            let at = "2026-11-20T09:30:00.123Z"
            let payloads: [(String, any EventPayload)] = [
                ("expense", ExpenseDataErasedV1(userID: user.id, erasureID: id, erasedAt: at)),
                ("expense", ExpenseDataErasedV1(userID: user.id, erasureID: id, erasedAt: "2027-01-01T00:00:00.000Z")),
                ("expense", ExpenseDataErasedV1(userID: user.id, erasureID: "unknown", erasedAt: at)),
                ("processor", ProcessorDataErasedV1(userID: user.id, erasureID: id, erasedAt: at)),
                ("portfolio", PortfolioDataErasedV1(userID: user.id, erasureID: id, erasedAt: at)),
            ]
            for (service, payload) in payloads {
                #expect(try await receipt(bench, id).completedAt == nil)
                let event = try OutboxEvent(
                    payload, service: service, subject: UUIDv7(parsing: user.id), user: UUIDv7(parsing: user.id),
                    sequence: 1, time: bench.clock.now()
                ).event
                try await bench.pool.withTransaction { try await ErasureConfirmations().handle(event, in: $0) }
            }
            shown = try await receipt(bench, id)
            #expect(shown.services.dropFirst().allSatisfy { $0.erasedAt == at })
            #expect(shown.completedAt == [at, shown.requestedAt].max())
            #expect(await problem { _ = try await receipt(bench, "AAAA") }?.code == "not_found")
        }
    }

    @Test func asksForThePasswordAndTheVersion() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            var caller = try await bench.caller(bench.logIn("ada@example.org"))
            let wrong = await problem { _ = try await delete(bench, caller, password: "wrong horse") }
            #expect(wrong?.status == 403 && wrong?.code == "wrong_password")
            let missing = await problem { _ = try await delete(bench, caller, password: "") }
            #expect(missing?.errors.map { "\($0.field) \($0.code)" } == ["password required"])
            caller[VersionPrecondition.metadataName] = "7"
            let stale = await problem { _ = try await delete(bench, caller) }
            #expect(stale?.status == 412)
            #expect(try await bench.names(of: user.id).last == "auth.user_logged_in")
        }
    }

    /// The same request again, by a client that lost the answer, gets the same receipt.
    @Test func aRepeatedRequestGetsTheSameAnswer() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            var caller = try await bench.caller(bench.logIn("ada@example.org"))
            caller[IdempotentCalls.keyMetadata] = "k"
            caller[IdempotentCalls.fingerprintMetadata] = "f"
            let id = try await delete(bench, caller)
            #expect(try await delete(bench, caller) == id)
        }
    }

    /// Sign-ins and refreshes beside the erasure end with it: none leaves a session, and each session that somebody was
    /// given is told as ended.
    @Test func noSessionOutlivesTheAccount() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let first = try await bench.logIn("ada@example.org")
            let caller = try bench.caller(first)
            let outcomes = try await concurrently(24) { number -> String? in
                do {
                    if number == 8 { return try await delete(bench, caller) }
                    if number % 2 == 0 { return try await bench.logIn("ada@example.org").sessionID }
                    return try await bench.refresh(first.refreshToken).sessionID
                } catch let status as GRPCStatus where status.code == .unauthenticated {
                    return nil
                }
            }
            let events = try await bench.events(of: user.id)
            let told = try events.filter { $0.type == SessionsRevokedV1.type }.flatMap { event in
                try SessionsRevokedV1(decoding: try #require(event.jsonData)).sessionIDs
            }
            let given = Set(outcomes.compactMap(\.self).filter { $0.utf8.count == 36 })
            #expect(given.isSubset(of: told))
            #expect(events.last?.type == UserDeletedV1.type)
            #expect(try await bench.pool.tables(mentioning: [user.id]) == ["erasures", "outbox", "removed_users"])
            #expect(try await bench.pool.query("SELECT count(*) FROM refresh_tokens").first(as: Int.self) == 0)
        }
    }
}
