import AuthApplication
import AuthDomain
import Chronology
import struct Contracts.EmailVerificationRequestedV1
import struct Contracts.EmailVerifiedV1
import struct Contracts.SessionsRevokedV1
import struct Contracts.UserLoggedInV1
import struct Contracts.UserRegisteredV1
import Messaging
import ServiceRuntime

/// The events of the auth context. Their subject is the user.
enum AuthEvents {
    static let service = "auth"

    /// The first two events of a user.
    static func registered(_ registration: Registration) throws -> [OutboxEvent] {
        let user = registration.user
        let registered = try OutboxEvent(
            UserRegisteredV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                baseCurrency: user.baseCurrency.code, locale: user.locale, registeredAt: user.createdAt.description),
            service: service, subject: user.id, user: user.id, sequence: 1, time: user.createdAt)
        return [
            registered, try verificationRequested(user, registration.ticket, sequence: 2, at: user.createdAt),
        ]
    }

    static func verificationRequested(
        _ user: User, _ ticket: VerificationTicket, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            EmailVerificationRequestedV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                sealedToken: ticket.sealedToken, expiresAt: ticket.expiresAt.description),
            service: service, subject: user.id, user: user.id, sequence: sequence, time: now)
    }

    static func emailVerified(_ userID: UUIDv7, sequence: Int64, at now: Timestamp) throws -> OutboxEvent {
        try OutboxEvent(
            EmailVerifiedV1(userID: userID.description, verifiedAt: now.description), service: service,
            subject: userID, user: userID, sequence: sequence, time: now)
    }

    static func loggedIn(_ session: Session, isNewDevice: Bool, sequence: Int64) throws -> OutboxEvent {
        try OutboxEvent(
            UserLoggedInV1(
                userID: session.userID.description, sessionID: session.id.description, device: session.device,
                newDevice: isNewDevice, loggedInAt: session.createdAt.description),
            service: service, subject: session.userID, user: session.userID, sequence: sequence,
            time: session.createdAt)
    }

    static func sessionsRevoked(
        _ sessionIDs: [UUIDv7], of userID: UUIDv7, reason: SessionEnd, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            SessionsRevokedV1(
                userID: userID.description, sessionIDs: sessionIDs.map(\.description), reason: reason.rawValue,
                revokedAt: now.description),
            service: service, subject: userID, user: userID, sequence: sequence, time: now)
    }
}
