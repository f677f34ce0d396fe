import Chronology
package import CloudEvents
package import Messaging
package import Postgres
package import ProcessorApplication
package import Secrets
import Contracts
import ProcessorDomain
import ServiceRuntime

/// Sends the mails that events ask for, one for one event.
///
/// The transport is called before the transaction commits. Should the process die in between, the event comes again and the
/// same mail is handed over again, which the transport recognises by its event.
package struct MailHandler: EventHandler {
    package let types = EventQueues.mail.bindings
    private let transport: any MailTransport
    private let sealKey: SealedBox.PrivateKey
    private let publicURL: String

    /// - Parameters:
    ///   - sealKey: opens the one-time tokens.
    ///   - publicURL: where links lead, without a slash at the end.
    package init(transport: any MailTransport, sealKey: SealedBox.PrivateKey, publicURL: String) {
        self.transport = transport
        self.sealKey = sealKey
        self.publicURL = publicURL
    }

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard let data = event.jsonData, let eventID = try? UUIDv7(parsing: event.id), let time = event.time else {
            throw HandlerFailure(.unprocessable, "the event has no data, no id of version 7 or no time")
        }
        switch event.type {
        case UserRegisteredV1.type:
            try await register(UserRegisteredV1(decoding: data), in: transaction)
        case EmailVerificationRequestedV1.type:
            try await send(verification(EmailVerificationRequestedV1(decoding: data), eventID: eventID, at: time))
        case BudgetExceededV1.type:
            let payload = try BudgetExceededV1(decoding: data)
            // Later crossings of the same threshold in the same period are told on the live stream, not by mail.
            guard payload.crossing == 1 else { return }
            let recipient = try await recipient(payload.userID, in: transaction)
            try await send(alert(payload, to: recipient, eventID: eventID, at: time))
        default: break
        }
    }

    private func register(_ payload: UserRegisteredV1, in transaction: PostgresTransaction) async throws {
        _ = try await transaction.query(
            """
            INSERT INTO recipients (user_id, email, display_name)
            VALUES (\(try Self.userID(payload.userID)), \(payload.email), \(payload.displayName))
            ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, display_name = excluded.display_name
            """)
    }

    private func recipient(_ userID: String, in transaction: PostgresTransaction) async throws -> Recipient {
        let id = try Self.userID(userID)
        let rows = try await transaction.query("SELECT email, display_name FROM recipients WHERE user_id = \(id)")
        // Events of two services are not ordered among each other: the registration may still be under way.
        guard let row = rows.first else { throw HandlerFailure(.transient, "the user is not known yet") }
        let (email, displayName) = try row.decode(String.self, String.self)
        return Recipient(userID: id, email: email, displayName: displayName)
    }

    private func verification(
        _ payload: EmailVerificationRequestedV1, eventID: UUIDv7, at time: Timestamp
    ) throws -> Mail {
        let token: [UInt8]
        do {
            token = try SealedBox.open(Base64URL.decode(payload.sealedToken), with: sealKey)
        } catch {
            throw HandlerFailure(.unprocessable, "the sealed token cannot be opened with this key")
        }
        guard let expiry = Timestamp(rfc3339: payload.expiresAt) else {
            throw HandlerFailure(.unprocessable, "expires_at is no instant")
        }
        let recipient = Recipient(
            userID: try Self.userID(payload.userID), email: payload.email, displayName: payload.displayName)
        return .verification(
            eventID: eventID, to: recipient, token: String(decoding: token, as: UTF8.self), publicURL: publicURL,
            validUntil: expiry, at: time)
    }

    private func alert(
        _ payload: BudgetExceededV1, to recipient: Recipient, eventID: UUIDv7, at time: Timestamp
    ) throws -> Mail {
        guard let start = CalendarDate(iso: payload.periodStart), let end = CalendarDate(iso: payload.periodEnd) else {
            throw HandlerFailure(.unprocessable, "the period has no dates")
        }
        let alert = BudgetAlert(
            budgetName: payload.budgetName, threshold: payload.threshold,
            spent: "\(payload.spent.amount) \(payload.spent.currency)",
            limit: "\(payload.limit.amount) \(payload.limit.currency)", percent: payload.percent, periodStart: start,
            periodEnd: end)
        return .budgetAlert(eventID: eventID, to: recipient, alert: alert, at: time)
    }

    private func send(_ mail: Mail) async throws {
        do {
            try await transport.send(mail)
        } catch {
            throw HandlerFailure(error.isRetriable ? .transient : .unprocessable, error.reason)
        }
    }

    private static func userID(_ text: String) throws(HandlerFailure) -> UUIDv7 {
        do {
            return try UUIDv7(parsing: text)
        } catch {
            throw HandlerFailure(.unprocessable, "user_id is no identifier of version 7")
        }
    }
}
