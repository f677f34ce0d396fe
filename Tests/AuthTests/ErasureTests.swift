import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Idempotency
import Testing
import Validation

@Suite struct ErasureRuleTests {
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    @Test func isCompleteWithTheLastConfirmation() {
        var confirmations: [ErasureParty: Timestamp] = [:]
        for (number, party) in ErasureParty.allCases.enumerated() {
            let erasure = Erasure(id: "e", requestedAt: now, confirmations: confirmations)
            #expect(erasure.completedAt == nil, "without \(party)")
            confirmations[party] = now + .seconds(10 - number)
        }
        let erasure = Erasure(id: "e", requestedAt: now, confirmations: confirmations)
        #expect(erasure.completedAt == now + .seconds(10))
    }
}

@Suite struct EraseAccountTests {
    private let bench = Bench()
    private let owner = UUIDv7.make()

    private func erase(
        _ password: String, _ caller: UUIDv7, if precondition: VersionPrecondition = .anyVersion,
        receipt: (String) throws -> IdempotencyReceipt? = { _ in nil }
    ) async throws -> String {
        try await EraseAccount(
            store: bench.store, accounts: bench.store,
            confirmPassword: ConfirmPassword(store: bench.store, passwords: bench.checks), mint: bench.mint,
            clock: bench.clock
        )(password: password, caller: caller, if: precondition, registrationOwner: { _ in owner }, receipt: receipt)
    }

    @Test func endsTheAccountAndKeepsTheReceipt() async throws {
        let user = try await bench.registered()
        _ = try await bench.loggedIn()
        let key = IdempotencyKey(userID: user.id, key: "k", fingerprint: "f")
        let id = try await erase(Bench.password, user.id) { IdempotencyReceipt(key: key, answer: Array($0.utf8)) }
        #expect(try await bench.store.user(user.id) == nil)
        #expect(bench.store.receipts.map(\.answer) == [Array(id.utf8)])
        #expect(bench.events(of: user).suffix(2) == ["auth.sessions_revoked", "auth.user_deleted"])
        let receipt = try await GetErasure(store: bench.store)(id)
        #expect(receipt.confirmations == [.auth: bench.clock.now()] && receipt.completedAt == nil)
        await #expect(throws: AuthRefusal.invalidCredentials) { try await bench.loggedIn() }
        await #expect(throws: AuthRefusal.unknownUser) { try await erase(Bench.password, user.id) }
    }

    @Test func asksForTheRightPassword() async throws {
        let user = try await bench.registered()
        await #expect(throws: AuthRefusal.wrongPassword) { try await erase("wrong horse", user.id) }
        await #expect(throws: ValidationFailure.self) { try await erase("", user.id) }
        await #expect(throws: VersionMismatch.self) { try await erase(Bench.password, user.id, if: .oneOf([2])) }
        #expect(try await bench.store.user(user.id) == user)
        #expect(bench.events(of: user) == firstEvents)
    }

    @Test func knowsNoErasureButByItsName() async throws {
        await #expect(throws: AuthRefusal.unknownErasure) { try await GetErasure(store: bench.store)("guess") }
    }
}
