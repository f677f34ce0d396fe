package import AuthDomain
package import Chronology

/// Whose wrong passwords are counted together.
package enum AttemptSubject: Sendable, Hashable {
    /// Sign-ins to one account, whether or not it exists.
    case account(String)
    /// Sign-ins from one network.
    case network(ClientNetwork)
    /// Sign-ins to one account from a network that it was used from before: nobody elsewhere can use these up.
    case knownNetwork(ClientNetwork, ofAccount: String)
    /// Proofs of the password by whoever is signed in.
    case proof(UUIDv7)

    /// How much is allowed.
    package var limit: AttemptLimit {
        switch self {
        case .network: .network
        default: .account
        }
    }
}

/// Counts attempts and says when it is too many.
///
/// Between the answer and the settlement an attempt counts as if it were going to be wrong, so that a burst is bounded
/// however long each takes. It answers at once: what it knows must not depend on a store that attackers could keep busy.
package protocol AttemptThrottle: Sendable {
    /// Lets an attempt at all these subjects begin.
    ///
    /// - Returns: nil where it may, then it is to be settled; else how long to wait.
    func begin(_ subjects: [AttemptSubject], at now: Timestamp) -> Duration?

    /// Tells what became of an attempt that was let begin.
    func settle(_ subjects: [AttemptSubject], _ outcome: AttemptOutcome, at now: Timestamp)
}

/// Password checks, of which there are not more than a throttle allows.
package struct ThrottledPasswords: Sendable {
    private let passwords: any PasswordHashing
    private let throttle: any AttemptThrottle
    private let clock: any WallClock

    package init(passwords: any PasswordHashing, throttle: any AttemptThrottle, clock: any WallClock) {
        self.passwords = passwords
        self.throttle = throttle
        self.clock = clock
    }

    /// Checks a presented password.
    ///
    /// - Parameters:
    ///   - subjects: what a wrong one counts against.
    ///   - instead: what to count it against where those have had too many; nil where there is nothing.
    /// - Throws: `AuthRefusal.tooManyAttempts`, `AuthRefusal.overloaded`; what `instead` and the check throw.
    func check(
        _ password: String, against hash: String?, countingFor subjects: [AttemptSubject],
        orElse instead: () async throws -> [AttemptSubject]? = { nil }
    ) async throws -> PasswordVerdict {
        var counted = subjects
        if let wait = throttle.begin(subjects, at: clock.now()) {
            guard let others = try await instead() else { throw AuthRefusal.tooManyAttempts(retryAfter: wait) }
            if let wait = throttle.begin(others, at: clock.now()) {
                throw AuthRefusal.tooManyAttempts(retryAfter: wait)
            }
            counted = others
        }
        let verdict: PasswordVerdict
        do {
            verdict = try await passwords.check(PasswordPolicy.bounded(password), against: hash)
        } catch {
            throttle.settle(counted, .abandoned, at: clock.now())
            throw error
        }
        throttle.settle(counted, verdict == .wrong ? .wrong : .right, at: clock.now())
        return verdict
    }
}
