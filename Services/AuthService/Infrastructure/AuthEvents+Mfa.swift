import AuthDomain
import Chronology
import Messaging
import ServiceRuntime
import struct Contracts.MfaChangedV1

extension AuthEvents {
    static func mfaChanged(
        _ change: MfaChange, of userID: UUIDv7, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            MfaChangedV1(userID: userID.description, change: change.rawValue, changedAt: now.description),
            service: "auth", subject: userID, user: userID, sequence: sequence, time: now)
    }
}
