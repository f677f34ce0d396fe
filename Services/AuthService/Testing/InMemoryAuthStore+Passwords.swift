package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency

extension InMemoryAuthStore: PasswordStore, AddressRequestStore {
    package func credential(of userID: UUIDv7) async throws -> Credential? { state.withLock { $0.credentials[userID] } }

    package func changePassword(
        of userID: UUIDv7, from known: String, to hash: String, keeping session: UUIDv7,
        receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard state.credentials[userID]?.passwordHash == known else { return false }
            state.setPassword(of: userID, to: hash, keeping: session, at: now)
            state.keep(receipt)
            return true
        }
    }

    package func requestPasswordReset(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let user = state.credential(for: email)?.user, state.tickets[ticket.digest] == nil else {
                return false
            }
            let recent = state.tickets.values.count { entry in
                entry.userID == user.id && entry.isReset && entry.createdAt > now - PasswordResetLimit.interval
            }
            guard recent < PasswordResetLimit.count else { return false }
            state.tickets[ticket.digest] = Ticket(
                userID: user.id, isReset: true, createdAt: now, expiresAt: ticket.expiresAt)
            state.tell("auth.password_reset_requested", of: user.id)
            return true
        }
    }

    package func userResetting(by digest: [UInt8], at now: Timestamp) async throws -> User? {
        state.withLock { state in state.resetter(by: digest, at: now).flatMap { state.credentials[$0]?.user } }
    }

    package func resetPassword(
        by digest: [UInt8], to hash: String, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let userID = state.resetter(by: digest, at: now) else { return false }
            state.setPassword(of: userID, to: hash, keeping: nil, at: now)
            state.keep(receipt)
            return true
        }
    }

    // MARK: Requests

    package func keep(_ request: AddressRequest, receipt: IdempotencyReceipt?) async throws {
        state.withLock { state in
            state.requests.append(request)
            state.keep(receipt)
        }
    }

    package func handOver(
        atMost count: Int, at now: Timestamp, _ body: (AddressRequest) async throws -> Void
    ) async throws -> Int {
        let due = state.withLock { state in
            Array(state.requests.filter { $0.requestedAt > now - .seconds(3600) }.prefix(count))
        }
        var failure: (any Error)?
        for request in due {
            do {
                try await body(request)
                state.withLock { state in state.requests.removeAll { $0.id == request.id } }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return due.count
    }

    package func tellOfFailedLogin(
        to email: EmailAddress, device: String, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let user = state.credential(for: email)?.user else { return false }
            if let last = state.failedLogins[user.id], last > now - FailedLoginLimit.interval { return false }
            state.failedLogins[user.id] = now
            state.tell("auth.login_failed", of: user.id)
            return true
        }
    }

    package func tellOfRegistration(of email: EmailAddress, at now: Timestamp) async throws -> Bool {
        state.withLock { state in
            guard let user = state.credential(for: email)?.user else { return false }
            if let last = state.repeatedRegistrations[user.id], last > now - RepeatedRegistrationLimit.interval {
                return false
            }
            state.repeatedRegistrations[user.id] = now
            state.tell("auth.registration_repeated", of: user.id)
            return true
        }
    }
}

extension InMemoryAuthStore.State {
    mutating func endSessions(of userID: UUIDv7, except kept: UUIDv7?, at now: Timestamp) -> Bool {
        let ending = sessions.filter { id, record in
            record.session.userID == userID && !record.hasEnded && record.expiresAt > now && id != kept
        }.keys
        for id in ending { sessions[id]?.hasEnded = true }
        if !ending.isEmpty { tell("auth.sessions_revoked", of: userID) }
        return !ending.isEmpty
    }

    fileprivate func resetter(by digest: [UInt8], at now: Timestamp) -> UUIDv7? {
        guard let ticket = tickets[digest], ticket.isReset, !ticket.isUsed, ticket.expiresAt > now else { return nil }
        return ticket.userID
    }

    fileprivate mutating func setPassword(of userID: UUIDv7, to hash: String, keeping kept: UUIDv7?, at now: Timestamp)
    {
        guard let user = credentials[userID]?.user else { return }
        credentials[userID] = Credential(user: user, passwordHash: hash)
        _ = endSessions(of: userID, except: kept, at: now)
        _ = endApiTokens(of: userID)
        for (digest, entry) in tickets where entry.userID == userID && entry.isReset {
            tickets[digest]?.isUsed = true
        }
        tell("auth.password_changed", of: userID)
    }
}
