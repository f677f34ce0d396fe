import Chronology
package import CloudEvents
package import Messaging
package import Postgres
package import ProcessorApplication
package import Secrets
import Contracts
import FaultPoints
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
        switch event.type {
        case UserRegisteredV1.type: try await register(event, in: transaction)
        case EmailVerificationRequestedV1.type: try await send(verification(event))
        case BudgetExceededV1.type: try await warn(event, in: transaction)
        default: break
        }
    }

    private func register(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserRegisteredV1.self)
        let recipient = Recipient(
            userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName)
        for waiting in try await Recipients.register(recipient, in: transaction) {
            if let request = try BudgetMailRequest(waiting) { try await send(request.mail(to: recipient)) }
        }
    }

    private func warn(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard let request = try BudgetMailRequest(event) else { return }
        if let recipient = try await Recipients.find(request.userID, in: transaction) {
            try await send(request.mail(to: recipient))
        } else {
            try await Recipients.keep(event, for: request.userID, in: transaction)
        }
    }

    private func verification(_ event: CloudEvent) throws -> Mail {
        let request = try MailRequest(event)
        let payload = try event.payload(EmailVerificationRequestedV1.self)
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
            userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName)
        return .verification(
            eventID: request.eventID, to: recipient, token: String(decoding: token, as: UTF8.self),
            publicURL: publicURL, validUntil: expiry, at: request.time)
    }

    private func send(_ mail: Mail) async throws {
        do {
            try await transport.send(mail)
        } catch {
            throw HandlerFailure(error.isRetriable ? .transient : .unprocessable, error.reason)
        }
        FaultPoint.reached("mail.after-send-before-commit")
    }
}

/// What every mail takes from its event.
private struct MailRequest {
    let eventID: UUIDv7
    let time: Timestamp

    init(_ event: CloudEvent) throws(HandlerFailure) {
        guard let eventID = try? UUIDv7(parsing: event.id), let time = event.time else {
            throw HandlerFailure(.unprocessable, "the event has no id of version 7 or no time")
        }
        self.eventID = eventID
        self.time = time
    }

    static func userID(_ text: String) throws(HandlerFailure) -> UUIDv7 {
        do {
            return try UUIDv7(parsing: text)
        } catch {
            throw HandlerFailure(.unprocessable, "user_id is no identifier of version 7")
        }
    }
}

/// A mail about a budget, complete but for the recipient: nothing about it can fail once it waits for that.
private struct BudgetMailRequest {
    let userID: UUIDv7
    private let event: MailRequest
    private let alert: BudgetAlert

    /// - Returns: nil for later crossings of the same threshold in the same period, which are told on the live stream and
    ///   not by mail.
    init?(_ cloudEvent: CloudEvent) throws {
        event = try MailRequest(cloudEvent)
        let payload = try cloudEvent.payload(BudgetExceededV1.self)
        guard payload.crossing == 1 else { return nil }
        userID = try MailRequest.userID(payload.userID)
        guard let start = CalendarDate(iso: payload.periodStart), let end = CalendarDate(iso: payload.periodEnd) else {
            throw HandlerFailure(.unprocessable, "the period has no dates")
        }
        alert = BudgetAlert(
            budgetName: payload.budgetName, threshold: payload.threshold,
            spent: "\(payload.spent.amount) \(payload.spent.currency)",
            limit: "\(payload.limit.amount) \(payload.limit.currency)", percent: payload.percent, periodStart: start,
            periodEnd: end)
    }

    func mail(to recipient: Recipient) -> Mail {
        .budgetAlert(eventID: event.eventID, to: recipient, alert: alert, at: event.time)
    }
}
