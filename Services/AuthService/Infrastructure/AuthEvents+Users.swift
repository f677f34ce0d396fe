import AuthDomain
import Messaging
import ServiceRuntime
import struct Contracts.UserUpdatedV1

extension AuthEvents {
    /// An account as it is after a change.
    static func userUpdated(_ user: User, sequence: Int64) throws -> OutboxEvent {
        try OutboxEvent(
            UserUpdatedV1(
                userID: user.id.description, email: user.email.text, displayName: user.displayName,
                baseCurrency: user.baseCurrency.code, locale: user.locale, timeZone: user.timeZone,
                status: user.status.rawValue, roles: user.roles.map(\.rawValue), updatedAt: user.updatedAt.description),
            service: "auth", subject: user.id, user: user.id, sequence: sequence, time: user.updatedAt)
    }
}
