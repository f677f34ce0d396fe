import AuthApplication
import AuthDomain
import Chronology
import struct Contracts.LoginFailedV1
import struct Contracts.PasswordChangedV1
import struct Contracts.PasswordResetRequestedV1
import struct Contracts.RegistrationRepeatedV1
import Messaging
import ServiceRuntime

/// How a password came to be replaced.
enum PasswordChange: String {
    case change
    case reset
}

extension AuthEvents {
    static func passwordChanged(
        _ userID: UUIDv7, by method: PasswordChange, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            PasswordChangedV1(userID: userID.description, method: method.rawValue, changedAt: now.description),
            service: service, subject: userID, user: userID, sequence: sequence, time: now)
    }

    static func loginFailed(
        _ userID: UUIDv7, device: String, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        let session = Session(startingFor: userID, client: device, address: "", at: now)
        return try OutboxEvent(
            LoginFailedV1(
                userID: userID.description, reason: "wrong_password", device: session.device,
                failedAt: now.description),
            service: service, subject: userID, user: userID, sequence: sequence, time: now)
    }

    static func passwordResetRequested(
        _ user: User, _ ticket: VerificationTicket, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            PasswordResetRequestedV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                sealedToken: ticket.sealedToken, expiresAt: ticket.expiresAt.description),
            service: service, subject: user.id, user: user.id, sequence: sequence, time: now)
    }

    static func registrationRepeated(_ user: User, sequence: Int64, at now: Timestamp) throws -> OutboxEvent {
        try OutboxEvent(
            RegistrationRepeatedV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                attemptedAt: now.description),
            service: service, subject: user.id, user: user.id, sequence: sequence, time: now)
    }
}
