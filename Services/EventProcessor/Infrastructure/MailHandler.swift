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
        // The address in the event, or the one that is known, is nobody's any more.
        if let user = event.partitionKey.flatMap({ try? UUIDv7(parsing: $0) }),
            try await Recipients.isErased(user, in: transaction)
        {
            return
        }
        switch event.type {
        case UserRegisteredV1.type: try await register(event, in: transaction)
        case UserUpdatedV1.type: try await rename(event, in: transaction)
        case EmailVerificationRequestedV1.type: try await send(verification(event))
        case PasswordResetRequestedV1.type: try await send(passwordReset(event))
        case RegistrationRepeatedV1.type: try await send(registrationRepeated(event))
        default: try await notify(event, in: transaction)
        }
    }

    private func register(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserRegisteredV1.self)
        let recipient = Recipient(
            userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName)
        for waiting in try await Recipients.register(recipient, in: transaction) {
            if let notice = try MailNotice(waiting) { try await send(notice.mail(to: recipient)) }
        }
    }

    private func rename(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserUpdatedV1.self)
        let recipient = Recipient(
            userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName)
        try await Recipients.change(recipient, in: transaction)
    }

    private func notify(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard let notice = try MailNotice(event) else { return }
        if let recipient = try await Recipients.find(notice.userID, in: transaction) {
            try await send(notice.mail(to: recipient))
        } else {
            try await Recipients.keep(event, for: notice.userID, in: transaction)
        }
    }

    private func verification(_ event: CloudEvent) throws -> Mail {
        let request = try MailRequest(event)
        let payload = try event.payload(EmailVerificationRequestedV1.self)
        return .verification(
            eventID: request.eventID,
            to: Recipient(
                userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName),
            token: try opened(payload.sealedToken), publicURL: publicURL,
            validUntil: try MailRequest.instant(payload.expiresAt, "expires_at"), at: request.time)
    }

    private func passwordReset(_ event: CloudEvent) throws -> Mail {
        let request = try MailRequest(event)
        let payload = try event.payload(PasswordResetRequestedV1.self)
        return .passwordReset(
            eventID: request.eventID,
            to: Recipient(
                userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName),
            token: try opened(payload.sealedToken), publicURL: publicURL,
            validUntil: try MailRequest.instant(payload.expiresAt, "expires_at"), at: request.time)
    }

    private func registrationRepeated(_ event: CloudEvent) throws -> Mail {
        let request = try MailRequest(event)
        let payload = try event.payload(RegistrationRepeatedV1.self)
        return .registrationRepeated(
            eventID: request.eventID,
            to: Recipient(
                userID: try MailRequest.userID(payload.userID), email: payload.email, displayName: payload.displayName),
            attemptedAt: try MailRequest.instant(payload.attemptedAt, "attempted_at"), at: request.time)
    }

    private func opened(_ sealedToken: String) throws(HandlerFailure) -> String {
        do {
            return String(
                decoding: try SealedBox.open(Base64URL.decode(sealedToken), with: sealKey), as: UTF8.self)
        } catch {
            throw HandlerFailure(.unprocessable, "the sealed token cannot be opened with this key")
        }
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
