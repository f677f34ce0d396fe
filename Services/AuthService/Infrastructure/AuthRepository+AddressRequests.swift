package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
import FaultPoints
import Messaging
import Observability
import Postgres

extension AuthRepository: AddressRequestStore {
    /// A request that could not be answered for this long is forgotten; whoever made it has asked again.
    static let requestLifetime: Duration = .seconds(3600)

    package func keep(_ request: AddressRequest, receipt: IdempotencyReceipt?) async throws {
        try await pool.batch(Self.kept(receipt) + [Self.insert(request)])
        FaultPoint.reached("service.after-commit-before-answer")
    }

    package func handOver(
        atMost count: Int, at now: Timestamp, _ body: (AddressRequest) async throws -> Void
    ) async throws -> Int {
        let rows = try await pool.query(
            """
            SELECT id, purpose, email, digest, sealed_token, expires_at, requested_at, request_id, traceparent, device
            FROM address_requests WHERE requested_at > \(now - Self.requestLifetime) ORDER BY id LIMIT \(count)
            """)
        var answered: [UUIDv7] = []
        var failure: (any Error)?
        for row in rows {
            do {
                let kept = try KeptRequest(row)
                try await kept.inItsContext { try await body(kept.request) }
                answered.append(kept.request.id)
            } catch {
                failure = failure ?? error
                if Task.isCancelled { break }
            }
        }
        if !answered.isEmpty { try await pool.query("DELETE FROM address_requests WHERE id = ANY(\(answered))") }
        if let failure { throw failure }
        return rows.count
    }

    package func tellOfRegistration(of email: EmailAddress, at now: Timestamp) async throws -> Bool {
        let since = now - RepeatedRegistrationLimit.interval
        let isTold = try await pool.withTransaction { transaction in
            let rows = try await transaction.query(
                """
                UPDATE users u SET event_sequence = event_sequence + 1, registration_repeated_at = \(now)
                WHERE email_key = \(email.key)
                    AND (registration_repeated_at IS NULL OR registration_repeated_at <= \(since))
                RETURNING \(fragment: User.columns), event_sequence
                """)
            guard let row = rows.first else { return false }
            let event = try AuthEvents.registrationRepeated(
                User(row), sequence: row.decode(Int64.self, named: "event_sequence"), at: now)
            try await transaction.commit(with: [outbox.insert([event])])
            return true
        }
        if isTold { outbox.poke() }
        return isTold
    }

    package func tellOfFailedLogin(
        to email: EmailAddress, device: String, at now: Timestamp
    ) async throws -> Bool {
        let since = now - FailedLoginLimit.interval
        let isTold = try await pool.withTransaction { transaction in
            let rows = try await transaction.query(
                """
                UPDATE users SET event_sequence = event_sequence + 1, login_failed_at = \(now)
                WHERE email_key = \(email.key) AND (login_failed_at IS NULL OR login_failed_at <= \(since))
                RETURNING id, event_sequence
                """)
            guard let row = rows.first else { return false }
            let (id, sequence) = try row.decode(UUIDv7.self, Int64.self)
            let event = try AuthEvents.loginFailed(id, device: device, sequence: sequence, at: now)
            try await transaction.commit(with: [outbox.insert([event])])
            return true
        }
        if isTold { outbox.poke() }
        return isTold
    }

    static func insert(_ request: AddressRequest) -> PostgresQuery {
        let (purpose, ticket, device) = request.stored
        let trace = TraceContext.current?.traceparent
        return """
            INSERT INTO address_requests (id, purpose, email, digest, sealed_token, expires_at, requested_at, request_id,
                traceparent, device)
            VALUES (\(request.id), \(purpose), \(request.email.text), \(ticket?.digest), \(ticket?.sealedToken),
                \(ticket?.expiresAt), \(request.requestedAt), \(EventContext.current?.correlationID), \(trace),
                \(device))
            """
    }
}

extension AddressRequest {
    fileprivate var stored: (purpose: String, ticket: VerificationTicket?, device: String?) {
        switch wish {
        case .verification(let ticket): ("email_verification", ticket, nil)
        case .passwordReset(let ticket): ("password_reset", ticket, nil)
        case .registration: ("registration", nil, nil)
        case .noticeOfFailure(let device): ("failed_login", nil, device)
        }
    }
}

/// A request as it waits, with what caused it.
private struct KeptRequest {
    let request: AddressRequest
    private let requestID: String?
    private let trace: TraceContext?

    init(_ row: PostgresRow) throws {
        let (id, purpose, email, digest, sealed, expiry, requested, requestID, traceparent, device) = try row.decode(
            UUIDv7.self, String.self, String.self, [UInt8]?.self, String?.self, Timestamp?.self, Timestamp.self,
            String?.self, String?.self, String?.self)
        guard let address = EmailAddress(email) else { throw StoredValueError(column: "address_requests.email") }
        var ticket: VerificationTicket?
        if let digest, let sealed, let expiry {
            ticket = VerificationTicket(digest: digest, sealedToken: sealed, expiresAt: expiry)
        }
        let wish: AddressRequest.Wish
        switch (purpose, ticket) {
        case ("email_verification", let ticket?): wish = .verification(ticket)
        case ("password_reset", let ticket?): wish = .passwordReset(ticket)
        case ("registration", nil): wish = .registration
        case ("failed_login", nil): wish = .noticeOfFailure(device: device ?? "")
        default: throw StoredValueError(column: "address_requests.purpose")
        }
        request = AddressRequest(id: id, wish: wish, email: address, at: requested)
        self.requestID = requestID
        trace = traceparent.flatMap { TraceContext(traceparent: $0) }
    }

    /// Runs work as part of the trace and of the request that asked for it.
    func inItsContext(_ body: () async throws -> Void) async throws {
        try await TraceContext.$current.withValue(trace) {
            try await EventContext.$current.withValue(requestID.map { EventContext(requestID: $0) }) {
                try await body()
            }
        }
    }
}
