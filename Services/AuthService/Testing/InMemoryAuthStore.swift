package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import Synchronization

/// An event as a store has told it.
package struct RecordedEvent: Sendable, Hashable {
    /// Without prefix and version: `auth.user_registered`.
    package let name: String
    package let sequence: Int64

    package init(_ name: String, _ sequence: Int64) {
        self.name = name
        self.sequence = sequence
    }
}

/// Accounts and sessions in memory, for tests of what stands above the stores.
package final class InMemoryAuthStore: AccountStore, SessionStore, MfaStore {
    struct Ticket {
        let userID: UUIDv7
        var isReset = false
        let createdAt: Timestamp
        let expiresAt: Timestamp
        var isUsed = false
    }

    struct SessionRecord {
        var session: Session
        var expiresAt: Timestamp
        var hasEnded = false
    }

    struct TokenRecord {
        let sessionID: UUIDv7
        let generation: Int
        let expiresAt: Timestamp
        var replacedAt: Timestamp?
    }

    struct State {
        var credentials: [UUIDv7: Credential] = [:]
        var tickets: [[UInt8]: Ticket] = [:]
        var sessions: [UUIDv7: SessionRecord] = [:]
        var tokens: [[UInt8]: TokenRecord] = [:]
        var challenges: [[UInt8]: ChallengeRecord] = [:]
        var factors: [UUIDv7: FactorRecord] = [:]
        var apiTokens: [[UInt8]: ApiToken] = [:]
        var events: [UUIDv7: [RecordedEvent]] = [:]
        var receipts: [IdempotencyReceipt] = []
        var requests: [AddressRequest] = []
        var repeatedRegistrations: [UUIDv7: Timestamp] = [:]
        var failedLogins: [UUIDv7: Timestamp] = [:]
        var erasures: [String: Erasure] = [:]
        var identities: [[String]: UUIDv7] = [:]

        mutating func keep(_ receipt: IdempotencyReceipt?) {
            if let receipt { receipts.append(receipt) }
        }

        mutating func tell(_ name: String, of user: UUIDv7) {
            events[user, default: []].append(RecordedEvent(name, Int64(events[user]?.count ?? 0) + 1))
        }

        func credential(for email: EmailAddress) -> Credential? {
            credentials.values.first { $0.user.email.key == email.key }
        }
    }

    let state = Mutex(State())

    package init() {}

    /// What was told of a user, in order.
    package func events(of user: UUIDv7) -> [RecordedEvent] { state.withLock { $0.events[user] ?? [] } }

    /// The receipts kept, in order.
    package var receipts: [IdempotencyReceipt] { state.withLock { $0.receipts } }

    // MARK: Accounts

    package func register(_ registration: Registration, receipt: IdempotencyReceipt?) async throws -> Bool {
        state.withLock { state in
            state.keep(receipt)
            let user = registration.user
            guard state.credential(for: user.email) == nil else {
                state.requests.append(AddressRequest(wish: .registration, email: user.email, at: user.createdAt))
                return false
            }
            state.credentials[user.id] = Credential(user: user, passwordHash: registration.passwordHash)
            state.tickets[registration.ticket.digest] = Ticket(
                userID: user.id, createdAt: user.createdAt, expiresAt: registration.ticket.expiresAt)
            state.tell("auth.user_registered", of: user.id)
            state.tell("auth.email_verification_requested", of: user.id)
            return true
        }
    }

    package func requestVerification(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let user = state.credential(for: email)?.user, !user.emailVerified else { return false }
            let recent = state.tickets.values.count { entry in
                entry.userID == user.id && !entry.isReset && entry.createdAt > now - VerificationLimit.interval
            }
            guard recent < VerificationLimit.count, state.tickets[ticket.digest] == nil else { return false }
            state.tickets[ticket.digest] = Ticket(userID: user.id, createdAt: now, expiresAt: ticket.expiresAt)
            state.tell("auth.email_verification_requested", of: user.id)
            return true
        }
    }

    package func confirmEmail(
        digest: [UInt8], receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let ticket = state.tickets[digest], !ticket.isUsed, !ticket.isReset, ticket.expiresAt > now,
                let credential = state.credentials[ticket.userID], !credential.user.emailVerified
            else { return false }
            state.credentials[ticket.userID] = Credential(
                user: credential.user.changed(emailVerified: true, at: now), passwordHash: credential.passwordHash)
            for (digest, entry) in state.tickets where entry.userID == ticket.userID && !entry.isReset {
                state.tickets[digest]?.isUsed = true
            }
            state.tell("auth.email_verified", of: ticket.userID)
            state.keep(receipt)
            return true
        }
    }

    package func credential(for email: EmailAddress) async throws -> Credential? {
        state.withLock { $0.credential(for: email) }
    }

    package func hasSignedIn(from network: ClientNetwork, to email: EmailAddress) async throws -> Bool {
        state.withLock { state in
            guard let user = state.credential(for: email)?.user else { return false }
            return state.sessions.values.contains {
                $0.session.userID == user.id && ClientNetwork($0.session.address) == network
            }
        }
    }

    package func user(_ id: UUIDv7) async throws -> User? { state.withLock { $0.credentials[id]?.user } }

    // MARK: Sessions

    package func open(
        _ session: Session, refreshToken: NewRefreshToken, passwordHash: String?, provenHash: String?,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool {
        state.withLock { state in
            guard let credential = state.credentials[session.userID], credential.user.status == .active,
                provenHash == nil || provenHash == credential.passwordHash
            else { return false }
            if let passwordHash {
                state.credentials[session.userID] = Credential(user: credential.user, passwordHash: passwordHash)
            }
            state.begin(session, refreshToken)
            state.keep(receipt)
            return true
        }
    }

    package func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp
    ) async throws -> PresentedRefreshToken? {
        state.withLock { state in
            guard var token = state.tokens[digest], var record = state.sessions[token.sessionID] else { return nil }
            let sessionEnd = record.session.createdAt + Lifetime.session
            if token.replacedAt == nil, token.expiresAt > now, !record.hasEnded {
                let expiry = min(successor.expiresAt, sessionEnd)
                token.replacedAt = now
                state.tokens[digest] = token
                state.tokens[successor.digest] = TokenRecord(
                    sessionID: token.sessionID, generation: token.generation + 1, expiresAt: expiry)
                record.session = record.session.used(at: now)
                record.expiresAt = expiry
                state.sessions[token.sessionID] = record
            }
            let next = state.tokens.values.first {
                $0.sessionID == token.sessionID && $0.generation == token.generation + 1
            }
            let stored = StoredRefreshToken(
                sessionID: token.sessionID, userID: record.session.userID, expiresAt: token.expiresAt,
                replacedAt: token.replacedAt, isParentOfNewest: next.map { $0.replacedAt == nil } ?? false,
                isRevoked: record.hasEnded)
            return PresentedRefreshToken(
                token: stored, roles: state.credentials[record.session.userID]?.user.roles ?? [],
                sessionEnd: sessionEnd)
        }
    }

    package func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp,
        receipt: (PresentedRefreshToken) async throws -> IdempotencyReceipt?
    ) async throws -> PresentedRefreshToken? {
        let wasReplaced = state.withLock { $0.tokens[digest]?.replacedAt != nil }
        let presented = try await replace(digest: digest, with: successor, at: now)
        do {
            if let presented, let kept = try await receipt(presented) { state.withLock { $0.keep(kept) } }
        } catch {
            if !wasReplaced {
                state.withLock { state in
                    state.tokens[digest]?.replacedAt = nil
                    state.tokens[successor.digest] = nil
                }
            }
            throw error
        }
        return presented
    }

    package func end(
        _ sessionID: UUIDv7, of userID: UUIDv7, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard let record = state.sessions[sessionID], record.session.userID == userID, !record.hasEnded else {
                return false
            }
            state.sessions[sessionID]?.hasEnded = true
            state.tell("auth.sessions_revoked", of: userID)
            state.keep(receipt)
            return true
        }
    }

    package func endAll(
        of userID: UUIDv7, except kept: UUIDv7?, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            state.keep(receipt)
            return state.endSessions(of: userID, except: kept, at: now)
        }
    }

    package func sessions(
        of userID: UUIDv7, _ page: PageRequest, at now: Timestamp
    ) async throws -> Page<Session> {
        let after = try page.after.map { try UUIDv7(parsing: $0.keys[0]) }
        let found = state.withLock { state in
            state.sessions.values
                .filter { $0.session.userID == userID && !$0.hasEnded && $0.expiresAt > now }
                .map(\.session)
                .filter { session in after.map { session.id < $0 } ?? true }
                .sorted { $0.id > $1.id }
        }
        return Page(Array(found.prefix(page.limit + 1)), limit: page.limit) { PageCursor([$0.id.description]) }
    }
}

extension User {
    /// The next version of a user, with these changes.
    func changed(
        emailVerified: Bool? = nil, roles: [Role]? = nil, status: AccountStatus? = nil, mfaEnabled: Bool? = nil,
        at now: Timestamp
    ) -> User {
        User(
            id: id, email: email, displayName: displayName, baseCurrency: baseCurrency, locale: locale,
            timeZone: timeZone, emailVerified: emailVerified ?? self.emailVerified, roles: roles ?? self.roles,
            status: status ?? self.status, mfaEnabled: mfaEnabled ?? self.mfaEnabled, version: version + 1,
            createdAt: createdAt, updatedAt: now)
    }
}

extension Session {
    fileprivate func used(at now: Timestamp) -> Session {
        Session(
            id: id, userID: userID, device: device, address: address, createdAt: createdAt, lastUsedAt: now)
    }
}
