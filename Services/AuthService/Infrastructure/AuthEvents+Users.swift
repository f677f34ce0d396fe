import AuthApplication
import AuthDomain
import Chronology
import Messaging
import ServiceRuntime
import struct Contracts.SessionsRevokedV1
import struct Contracts.UserDeletedV1
import struct Contracts.UserRegisteredV1
import struct Contracts.UserUpdatedV1

extension AuthEvents {
    /// An account as it is after a change.
    static func userUpdated(_ user: User, sequence: Int64) throws -> OutboxEvent {
        try OutboxEvent(
            UserUpdatedV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                baseCurrency: user.baseCurrency.code, locale: user.locale, timeZone: user.timeZone,
                status: user.status.rawValue,
                roles: user.roles.map(\.rawValue), updatedAt: user.updatedAt.description),
            service: "auth", subject: user.id, user: user.id, sequence: sequence, time: user.updatedAt)
    }

    /// The first two events of a user whose address the issuer of an ID token vouches for.
    static func signedInFirst(_ user: User) throws -> [OutboxEvent] {
        let registered = try OutboxEvent(
            UserRegisteredV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                baseCurrency: user.baseCurrency.code, locale: user.locale, registeredAt: user.createdAt.description),
            service: "auth", subject: user.id, user: user.id, sequence: 1, time: user.createdAt)
        return [registered, try emailVerified(user.id, sequence: 2, at: user.createdAt)]
    }

    /// The last events of a user: its sessions have ended, a thousand to an event, and the account is gone.
    static func userDeleted(
        _ erasure: AccountErasure, _ sessions: [UUIDv7], after sequence: Int64, at now: Timestamp
    ) throws -> [OutboxEvent] {
        var events: [OutboxEvent] = []
        for first in stride(from: 0, to: sessions.count, by: 1_000) {
            let ended = sessions[first..<min(first + 1_000, sessions.count)]
            events.append(
                try OutboxEvent(
                    SessionsRevokedV1(
                        userID: erasure.userID.description, sessionIDs: ended.map(\.description), reason: "revoked",
                        revokedAt: now.description),
                    service: "auth", subject: erasure.userID, user: erasure.userID,
                    sequence: sequence + Int64(events.count) + 1, time: now))
        }
        let deleted = try OutboxEvent(
            UserDeletedV1(
                userID: erasure.userID.description, erasureID: erasure.erasureID, deletedAt: now.description),
            service: "auth", subject: erasure.userID, user: erasure.userID,
            sequence: sequence + Int64(events.count) + 1, time: now)
        return events + [deleted]
    }
}
