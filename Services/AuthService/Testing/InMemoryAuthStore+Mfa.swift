package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency

extension InMemoryAuthStore {
    struct ChallengeRecord {
        let challenge: MfaChallenge
        /// The user's when it began: a change of the password makes an end of it.
        let passwordHash: String?
        var attempts = 0
    }

    struct FactorRecord {
        var secret: PendingTotp
        var isConfirmed = false
        var lastStep: Int64 = 0
        var failures = 0
        var blockedUntil: Timestamp?
        var recoveryCodes: Set<[UInt8]> = []
    }

    package func open(
        _ challenge: MfaChallenge, passwordHash: String?, receipt: IdempotencyReceipt?
    ) async throws {
        state.withLock { state in
            state.keep(receipt)
            if let passwordHash, let credential = state.credentials[challenge.userID] {
                state.credentials[challenge.userID] = Credential(user: credential.user, passwordHash: passwordHash)
            }
            state.challenges[challenge.digest] = ChallengeRecord(
                challenge: challenge, passwordHash: state.credentials[challenge.userID]?.passwordHash)
        }
    }

    package func begin(_ totp: PendingTotp, of userID: UUIDv7, receipt: IdempotencyReceipt?) async throws -> Bool {
        state.withLock { state in
            guard state.credentials[userID] != nil, state.factors[userID]?.isConfirmed != true else { return false }
            state.factors[userID] = FactorRecord(secret: totp)
            state.keep(receipt)
            return true
        }
    }

    package func pendingTotp(of userID: UUIDv7) async throws -> PendingTotp? {
        state.withLock { state in
            state.factors[userID].flatMap { $0.isConfirmed ? nil : $0.secret }
        }
    }

    package func confirm(
        _ totp: PendingTotp, of userID: UUIDv7, step: Int64, recoveryCodes: [[UInt8]], receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let factor = state.factors[userID], !factor.isConfirmed,
                factor.secret.sealedSecret == totp.sealedSecret
            else { return false }
            state.factors[userID] = FactorRecord(
                secret: factor.secret, isConfirmed: true, lastStep: step, recoveryCodes: Set(recoveryCodes))
            state.setMfa(true, of: userID, at: now)
            state.keep(receipt)
            return true
        }
    }

    package func removeTotp(
        of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard state.factors[userID]?.isConfirmed == true else { return false }
            state.factors[userID] = nil
            state.challenges = state.challenges.filter { $0.value.challenge.userID != userID }
            state.setMfa(false, of: userID, at: now)
            state.keep(receipt)
            return true
        }
    }

    package func replaceRecoveryCodes(
        of userID: UUIDv7, with digests: [[UInt8]], receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard state.factors[userID]?.isConfirmed == true else { return false }
            state.factors[userID]?.recoveryCodes = Set(digests)
            state.keep(receipt)
            state.tell("auth.mfa_changed", of: userID)
            return true
        }
    }

    package func attempt(
        _ factor: SecondFactor, with digest: [UInt8], at now: Timestamp
    ) async throws -> MfaAttempt? {
        state.withLock { state in
            guard let record = state.challenges[digest], record.challenge.expiresAt > now,
                record.attempts < MfaLimit.attemptsPerChallenge,
                let credential = state.credentials[record.challenge.userID],
                credential.passwordHash == record.passwordHash, case let user = credential.user,
                user.status == .active, let stored = state.factors[user.id], stored.isConfirmed
            else { return nil }
            if factor == .totp {
                if let end = stored.blockedUntil, end > now { return .blocked(until: end) }
                state.factors[user.id]?.failures += 1
                state.factors[user.id]?.blockedUntil = MfaLimit.delay(afterFailures: stored.failures + 1).map {
                    now + $0
                }
            }
            state.challenges[digest]?.attempts += 1
            return .allowed(userID: user.id, roles: user.roles, sealedSecret: stored.secret.sealedSecret)
        }
    }

    package func finish(
        _ digest: [UInt8], with proof: MfaProof, opening session: Session, refreshToken: NewRefreshToken,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool {
        state.withLock { state in
            guard let record = state.challenges[digest], record.challenge.userID == session.userID,
                record.challenge.expiresAt > session.createdAt,
                state.credentials[session.userID]?.user.status == .active, var factor = state.factors[session.userID],
                factor.isConfirmed
            else { return false }
            switch proof {
            case .totp(let step):
                guard factor.lastStep < step else { return false }
                factor.lastStep = step
            case .recoveryCode(let code):
                guard factor.recoveryCodes.remove(code) != nil else { return false }
            }
            factor.failures = 0
            factor.blockedUntil = nil
            state.factors[session.userID] = factor
            state.challenges[digest] = nil
            state.begin(session, refreshToken)
            state.keep(receipt)
            if case .recoveryCode = proof { state.tell("auth.mfa_changed", of: session.userID) }
            return true
        }
    }
}

extension InMemoryAuthStore.State {
    fileprivate mutating func setMfa(_ isOn: Bool, of userID: UUIDv7, at now: Timestamp) {
        guard let credential = credentials[userID] else { return }
        credentials[userID] = Credential(
            user: credential.user.changed(mfaEnabled: isOn, at: now), passwordHash: credential.passwordHash)
        tell("auth.mfa_changed", of: userID)
    }

    mutating func begin(_ session: Session, _ refreshToken: NewRefreshToken) {
        sessions[session.id] = InMemoryAuthStore.SessionRecord(session: session, expiresAt: refreshToken.expiresAt)
        tokens[refreshToken.digest] = InMemoryAuthStore.TokenRecord(
            sessionID: session.id, generation: 1, expiresAt: refreshToken.expiresAt)
        tell("auth.user_logged_in", of: session.userID)
    }
}
