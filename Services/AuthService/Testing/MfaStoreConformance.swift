package import AuthApplication
import AuthDomain
package import Chronology

/// The promises of `MfaStore`, checked on any implementation. Each check fails by throwing.
package struct MfaStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case turnsOnOnce
        case keepsTheNewestSecretThatWaits
        case turnsOff
        case replacesRecoveryCodes
        case boundsTheAttemptsOfAChallenge
        case boundsAttemptsAtATime
        case boundsTheAttemptsOfAnAccount
        case forgetsFailuresAfterARightCode
        case acceptsAStepOnce
        case acceptsARecoveryCodeOnce
        case finishesAChallengeOnce
        case refusesAnExpiredChallenge
    }

    private let accounts: any AccountStore
    private let sessions: any SessionStore
    private let factors: any MfaStore
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameter events: what was told of a user, in order.
    package init(
        accounts: any AccountStore, sessions: any SessionStore, factors: any MfaStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.sessions = sessions
        self.factors = factors
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        switch check {
        case .turnsOnOnce: try await turnsOnOnce()
        case .keepsTheNewestSecretThatWaits: try await keepsTheNewestSecretThatWaits()
        case .turnsOff: try await turnsOff()
        case .replacesRecoveryCodes: try await replacesRecoveryCodes()
        case .boundsTheAttemptsOfAChallenge: try await boundsTheAttemptsOfAChallenge()
        case .boundsAttemptsAtATime: try await boundsAttemptsAtATime()
        case .boundsTheAttemptsOfAnAccount: try await boundsTheAttemptsOfAnAccount()
        case .forgetsFailuresAfterARightCode: try await forgetsFailuresAfterARightCode()
        case .acceptsAStepOnce: try await acceptsAStepOnce()
        case .acceptsARecoveryCodeOnce: try await acceptsARecoveryCodeOnce()
        case .finishesAChallengeOnce: try await finishesAChallengeOnce()
        case .refusesAnExpiredChallenge: try await refusesAnExpiredChallenge()
        }
    }
}

// MARK: Turning on and off

extension MfaStoreConformance {
    private func turnsOnOnce() async throws {
        let user = try await registered()
        try expect(await factors.pendingTotp(of: user) == nil, "nothing waits at first")
        let totp = pending()
        try expect(await factors.begin(totp, of: user, receipt: nil), "a secret is kept")
        try expect(await factors.pendingTotp(of: user) == totp, "it waits")
        try expect(await accounts.user(user)?.mfaEnabled == false, "a secret that waits does not count")
        let outcomes = try await concurrently(8) {
            try await factors.confirm(
                totp, of: user, step: 1, recoveryCodes: [digest()], receipt: nil, at: now + .seconds(1))
        }
        try expect(outcomes.count(where: \.self) == 1, "it is turned on once")
        let found = try await accounts.user(user)
        try expect(found?.mfaEnabled == true && found?.version == 2, "the user has a new version")
        try expect(found?.updatedAt == now + .seconds(1), "of that time")
        try expect(await factors.pendingTotp(of: user) == nil, "nothing waits any more")
        try expect(await !factors.begin(pending(), of: user, receipt: nil), "there is one factor")
        try await expectEvents(of: user, ["auth.mfa_changed"])
        try expect(await !factors.begin(pending(), of: .make(), receipt: nil), "nobody has none")
    }

    private func keepsTheNewestSecretThatWaits() async throws {
        let user = try await registered()
        let (first, second) = (pending(), pending())
        for totp in [first, second] { _ = try await factors.begin(totp, of: user, receipt: nil) }
        try expect(
            await !factors.confirm(first, of: user, step: 1, recoveryCodes: [], receipt: nil, at: now),
            "the first secret was replaced")
        try expect(
            await factors.confirm(second, of: user, step: 1, recoveryCodes: [], receipt: nil, at: now),
            "the second waits")
    }

    private func turnsOff() async throws {
        let user = try await registered()
        _ = try await factors.begin(pending(), of: user, receipt: nil)
        try expect(await !factors.removeTotp(of: user, receipt: nil, at: now), "a secret that waits is no factor")
        let enrolled = try await enrolled()
        let challenge = try await challenge(of: enrolled.user)
        try expect(await factors.removeTotp(of: enrolled.user, receipt: nil, at: now), "it is turned off")
        try expect(await !factors.removeTotp(of: enrolled.user, receipt: nil, at: now), "once")
        try expect(await accounts.user(enrolled.user)?.mfaEnabled == false, "and counts no more")
        try expect(
            await factors.attempt(.recoveryCode, with: challenge, at: now) == nil, "its sign-ins wait in vain")
        try await expectEvents(of: enrolled.user, ["auth.mfa_changed", "auth.mfa_changed"])
        try expect(await factors.begin(pending(), of: enrolled.user, receipt: nil), "it may be turned on again")
    }

    private func replacesRecoveryCodes() async throws {
        let enrolled = try await enrolled()
        let new = digest()
        try expect(
            await factors.replaceRecoveryCodes(of: enrolled.user, with: [new], receipt: nil, at: now),
            "codes are replaced")
        try expect(await !finish(enrolled.user, .recoveryCode(digest: enrolled.code)), "old ones end")
        try expect(await finish(enrolled.user, .recoveryCode(digest: new)), "new ones work")
        let other = try await registered()
        try expect(
            await !factors.replaceRecoveryCodes(of: other, with: [new], receipt: nil, at: now), "a factor is needed")
        try await expectEvents(
            of: enrolled.user, ["auth.mfa_changed", "auth.mfa_changed", "auth.user_logged_in", "auth.mfa_changed"])
    }
}

// MARK: Attempts

extension MfaStoreConformance {
    private func boundsTheAttemptsOfAChallenge() async throws {
        let enrolled = try await enrolled()
        let challenge = try await challenge(of: enrolled.user)
        for _ in 0..<MfaLimit.attemptsPerChallenge {
            let attempt = try await factors.attempt(.recoveryCode, with: challenge, at: now)
            try expect(
                attempt == .allowed(userID: enrolled.user, roles: [.user], sealedSecret: enrolled.secret),
                "an attempt names the user and the secret")
        }
        try expect(await factors.attempt(.recoveryCode, with: challenge, at: now) == nil, "then it is over")
        try expect(await factors.attempt(.totp, with: digest(), at: now) == nil, "an unknown one has none")
    }

    private func boundsAttemptsAtATime() async throws {
        let enrolled = try await enrolled()
        let challenge = try await challenge(of: enrolled.user)
        let outcomes = try await concurrently(32) {
            try await factors.attempt(.recoveryCode, with: challenge, at: now) != nil
        }
        try expect(outcomes.count(where: \.self) == MfaLimit.attemptsPerChallenge, "they count together")
    }

    private func boundsTheAttemptsOfAnAccount() async throws {
        let enrolled = try await enrolled()
        for _ in 0...MfaLimit.freeFailures {
            let challenge = try await challenge(of: enrolled.user)
            guard case .allowed = try await factors.attempt(.totp, with: challenge, at: now) else {
                throw ConformanceFailure(description: "the first failures are free")
            }
        }
        let challenge = try await challenge(of: enrolled.user)
        let end = now + .seconds(30)
        try expect(
            await factors.attempt(.totp, with: challenge, at: now) == .blocked(until: end), "then one has to wait")
        guard case .allowed = try await factors.attempt(.recoveryCode, with: challenge, at: now) else {
            throw ConformanceFailure(description: "recovery codes are always looked at")
        }
        guard case .allowed = try await factors.attempt(.totp, with: challenge, at: end) else {
            throw ConformanceFailure(description: "the wait ends")
        }
        try expect(
            await factors.attempt(.totp, with: challenge, at: end) == .blocked(until: end + .seconds(60)),
            "the next one is longer")
    }

    private func forgetsFailuresAfterARightCode() async throws {
        let enrolled = try await enrolled()
        for _ in 0..<MfaLimit.freeFailures {
            _ = try await factors.attempt(.totp, with: challenge(of: enrolled.user), at: now)
        }
        try expect(await finish(enrolled.user, .totp(step: 2)), "a right code")
        guard case .allowed = try await factors.attempt(.totp, with: challenge(of: enrolled.user), at: now),
            case .allowed = try await factors.attempt(.totp, with: challenge(of: enrolled.user), at: now)
        else { throw ConformanceFailure(description: "failures count since the last right code") }
    }
}

// MARK: Finishing

extension MfaStoreConformance {
    private func acceptsAStepOnce() async throws {
        let enrolled = try await enrolled()
        try expect(await !finish(enrolled.user, .totp(step: 1)), "the first code was used up")
        var challenges: [[UInt8]] = []
        for _ in 0..<8 { challenges.append(try await challenge(of: enrolled.user)) }
        let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for challenge in challenges {
                group.addTask { try await finish(enrolled.user, .totp(step: 2), challenge) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try expect(outcomes.count(where: \.self) == 1, "a code works once")
        try expect(await !finish(enrolled.user, .totp(step: 1)), "an earlier one no more")
        try expect(await finish(enrolled.user, .totp(step: 3)), "a later one does")
        try await expectEvents(of: enrolled.user, ["auth.mfa_changed", "auth.user_logged_in", "auth.user_logged_in"])
        let open = try await sessions.sessions(of: enrolled.user, .init(), at: now)
        try expect(open.items.count == 2, "each began a session")
    }

    private func acceptsARecoveryCodeOnce() async throws {
        let enrolled = try await enrolled()
        try expect(await !finish(enrolled.user, .recoveryCode(digest: digest())), "an unknown one is refused")
        try expect(await finish(enrolled.user, .recoveryCode(digest: enrolled.code)), "a known one works")
        try expect(await !finish(enrolled.user, .recoveryCode(digest: enrolled.code)), "once")
        try await expectEvents(of: enrolled.user, ["auth.mfa_changed", "auth.user_logged_in", "auth.mfa_changed"])
    }

    private func finishesAChallengeOnce() async throws {
        let enrolled = try await enrolled()
        let other = try await registered()
        let challenge = try await challenge(of: enrolled.user)
        try expect(await !finish(other, .totp(step: 2), challenge), "it is another's")
        try expect(await !finish(enrolled.user, .totp(step: 1), challenge), "a used code leaves it")
        try expect(await finish(enrolled.user, .totp(step: 2), challenge), "so that another can be tried")
        try expect(await !finish(enrolled.user, .totp(step: 3), challenge), "it is used up")
        try expect(await factors.attempt(.totp, with: challenge, at: now) == nil, "and unknown")
    }

    private func refusesAnExpiredChallenge() async throws {
        let enrolled = try await enrolled()
        let challenge = try await challenge(of: enrolled.user)
        let late = now + Lifetime.mfaChallenge
        try expect(await factors.attempt(.totp, with: challenge, at: late) == nil, "it ends")
        let session = Session(startingFor: enrolled.user, client: "curl", address: "", at: late)
        let token = NewRefreshToken(digest: digest(), expiresAt: late + Lifetime.refreshToken)
        try expect(
            await !factors.finish(challenge, with: .totp(step: 9), opening: session, refreshToken: token, receipt: nil),
            "also between attempt and finish")
    }
}

// MARK: Tools

extension MfaStoreConformance {
    private struct Enrolled {
        let user: UUIDv7
        let secret: [UInt8]
        /// The digest of a recovery code.
        let code: [UInt8]
    }

    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }

    /// Expects these events after those of the registration.
    private func expectEvents(of user: UUIDv7, _ names: [String]) async throws {
        let found = try await events(user)
        let all = ["auth.user_registered", "auth.email_verification_requested"] + names
        try expect(
            found == all.enumerated().map { RecordedEvent($1, Int64($0) + 1) }, "events \(found) should be \(all)")
    }

    private func concurrently(_ count: Int, _ body: @escaping @Sendable () async throws -> Bool) async throws -> [Bool]
    {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<count { group.addTask { try await body() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func digest() -> [UInt8] { (0..<32).map { _ in .random(in: 0...255) } }

    private func pending() -> PendingTotp { PendingTotp(sealedSecret: digest(), createdAt: now) }

    private func registered() async throws -> UUIDv7 {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "correct horse", displayName: "Ada", locale: "en-GB")
        let ticket = VerificationTicket(
            digest: digest(), sealedToken: "c2VhbGVk", expiresAt: now + Lifetime.emailVerification)
        let registration = Registration(user: try request.user(at: now), passwordHash: "hash", ticket: ticket)
        try expect(await accounts.register(registration, receipt: nil), "an account is made")
        return registration.user.id
    }

    /// Somebody whose second factor is on, with the code of step 1.
    private func enrolled() async throws -> Enrolled {
        let (user, totp, code) = (try await registered(), pending(), digest())
        try expect(await factors.begin(totp, of: user, receipt: nil), "a secret is kept")
        try expect(
            await factors.confirm(totp, of: user, step: 1, recoveryCodes: [code, digest()], receipt: nil, at: now),
            "it is turned on")
        return Enrolled(user: user, secret: totp.sealedSecret, code: code)
    }

    private func challenge(of user: UUIDv7) async throws -> [UInt8] {
        let digest = digest()
        try await factors.open(
            MfaChallenge(digest: digest, userID: user, createdAt: now, expiresAt: now + Lifetime.mfaChallenge),
            passwordHash: nil, receipt: nil)
        return digest
    }

    /// Finishes a sign-in with a challenge of its own, or this one.
    private func finish(_ user: UUIDv7, _ proof: MfaProof, _ challenge: [UInt8]? = nil) async throws -> Bool {
        let session = Session(startingFor: user, client: "curl", address: "127.0.0.1", at: now)
        let token = NewRefreshToken(digest: digest(), expiresAt: now + Lifetime.refreshToken)
        let used: [UInt8] = if let challenge { challenge } else { try await self.challenge(of: user) }
        return try await factors.finish(used, with: proof, opening: session, refreshToken: token, receipt: nil)
    }
}
