package import ServiceRuntime
import struct Contracts.ProcessorDataErasedV1

/// What the event processor forgets of a user.
///
/// The audit trail stays: it names its user by an identifier that belongs to nobody any more, and of each event it holds
/// type, subject, trace and digest.
package enum ProcessorErasure {
    /// What it does about the end of an account.
    package static let service = ErasureHandler.Service(
        name: "processor", lock: { Recipients.lock($0) },
        erase: { user in
            [
                "DELETE FROM recipients WHERE user_id = \(user)",
                "DELETE FROM waiting_events WHERE user_id = \(user)",
                "DELETE FROM stream_events WHERE user_id = \(user)",
            ]
        },
        confirmation: { ProcessorDataErasedV1(userID: $0, erasureID: $1, erasedAt: $2) })
}
