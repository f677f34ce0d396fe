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

    private func identity() -> Identity {
        Identity(
            userID: .make(), sessionID: .make(), scopes: [], roles: [], expiresAt: Timestamp(secondsSinceEpoch: 1))
    }

    @Test func verifiedTokensAreBoundedAndKeepWhatIsUsed() {
        var tokens = VerifiedTokens(capacity: 4)
        let used = identity()
        tokens.add("used", used, generation: 1)
        for number in 0..<100 {
            tokens.add("\(number)", identity(), generation: 1)
            #expect(tokens.identity(of: "used", generation: 1) == used)
        }
        #expect(tokens.identity(of: "0", generation: 1) == nil)
    }

    @Test func newKeysForgetVerifiedTokens() {
        var tokens = VerifiedTokens(capacity: 4)
        tokens.add("a", identity(), generation: 1)
        #expect(tokens.identity(of: "a", generation: 2) == nil)
        #expect(tokens.identity(of: "a", generation: 1) == nil)
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
