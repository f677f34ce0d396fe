import Chronology
import Synchronization
import Testing
import Tokens

@testable import GatewayAPI

@Suite struct IdentityTests {
    @Test func aRevocationIsForgottenWithTheLastToken() {
        let time = Box()
        let revocations = Revocations(lifetime: .seconds(100)) { time.value }
        let (first, second) = (UUIDv7.make(), UUIDv7.make())
        revocations.revoke(first)
        #expect(revocations.contains(first) && !revocations.contains(second))
        time.value = .seconds(99)
        revocations.revoke(second)
        #expect(revocations.contains(first))
        time.value = .seconds(100)
        revocations.revoke(.make())
        #expect(!revocations.contains(first) && revocations.contains(second) && revocations.count == 2)
    }

    @Test func revocationsAreBounded() {
        let revocations = Revocations(maximumEntries: 10) { .zero }
        let sessions = (0..<5000).map { _ in UUIDv7.make() }
        for session in sessions { revocations.revoke(session) }
        #expect(revocations.count == 10)
        #expect(sessions.suffix(10).allSatisfy(revocations.contains))
    }

    @Test func aSessionRevokedTwiceStaysRevoked() {
        let time = Box()
        let revocations = Revocations(lifetime: .seconds(100)) { time.value }
        let session = UUIDv7.make()
        revocations.revoke(session)
        time.value = .seconds(60)
        revocations.revoke(session)
        time.value = .seconds(120)
        revocations.revoke(.make())
        #expect(revocations.contains(session))
    }

    private func claims() -> AccessTokenClaims {
        let identity = Identity(
            userID: .make(), sessionID: .make(), scopes: [], roles: [], expiresAt: Timestamp(secondsSinceEpoch: 1))
        return AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: Timestamp(secondsSinceEpoch: 0))
    }

    @Test func verifiedTokensAreBoundedAndKeepWhatIsUsed() {
        var tokens = VerifiedTokens(capacity: 4)
        let used = claims()
        tokens.add("used", used, generation: 1)
        for number in 0..<100 {
            tokens.add("\(number)", claims(), generation: 1)
            #expect(tokens.claims(of: "used", generation: 1) == used)
        }
        #expect(tokens.claims(of: "0", generation: 1) == nil)
    }

    @Test func newKeysForgetVerifiedTokens() {
        var tokens = VerifiedTokens(capacity: 4)
        tokens.add("a", claims(), generation: 1)
        #expect(tokens.claims(of: "a", generation: 2) == nil)
        #expect(tokens.claims(of: "a", generation: 1) == nil)
    }
}

@Suite struct AccessChangeTests {
    private let user = UUIDv7.make()

    private func refuses(_ changes: AccessChanges, _ roles: [String], issuedAt second: Int64) -> Bool {
        let identity = Identity(
            userID: user, sessionID: .make(), scopes: [], roles: roles, expiresAt: Timestamp(secondsSinceEpoch: 5000))
        return changes.refuses(identity, issuedAt: Timestamp(secondsSinceEpoch: second))
    }

    private func access(_ roles: Set<String>?, _ second: Int64) -> AccessChanges.Access {
        .init(roles: roles, changedAt: Timestamp(secondsSinceEpoch: second))
    }

    @Test func tokensThatSaySomethingElseAreRefused() {
        let changes = AccessChanges { .zero }
        #expect(!refuses(changes, ["user", "admin"], issuedAt: 100))
        changes.note(user, access(["user"], 200))
        #expect(refuses(changes, ["user", "admin"], issuedAt: 100))
        #expect(refuses(changes, ["user", "admin"], issuedAt: 200))
        #expect(!refuses(changes, ["user"], issuedAt: 100))
        // Made later: it may know of a change that has not been heard of yet.
        #expect(!refuses(changes, ["user", "admin"], issuedAt: 201))
    }

    @Test func nobodyUsesALockedAccount() {
        let changes = AccessChanges { .zero }
        changes.note(user, access(nil, 200))
        #expect(refuses(changes, ["user"], issuedAt: 200) && !refuses(changes, ["user"], issuedAt: 201))
    }

    @Test func anOlderChangeDoesNotReplaceANewerOne() {
        let changes = AccessChanges { .zero }
        changes.note(user, access(["user", "admin"], 300))
        changes.note(user, access(["user"], 200))
        #expect(refuses(changes, ["user"], issuedAt: 100) && !refuses(changes, ["admin", "user"], issuedAt: 100))
    }

    @Test func isBounded() {
        let time = Box()
        let changes = AccessChanges(lifetime: .seconds(100), maximumEntries: 2) { time.value }
        changes.note(user, access(nil, 200))
        time.value = .seconds(1)
        for _ in 0..<2 { changes.note(.make(), access(nil, 200)) }
        #expect(!refuses(changes, ["user"], issuedAt: 100))
        time.value = .seconds(200)
        changes.note(user, access(nil, 200))
        #expect(refuses(changes, ["user"], issuedAt: 100))
    }
}

/// A value that a test changes while others read it.
private final class Box: Sendable {
    private let state = Mutex(Duration.zero)

    var value: Duration {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
