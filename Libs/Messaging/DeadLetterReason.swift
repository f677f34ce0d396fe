/// Why an event was put aside; the raw values are those of the column `dead_letters.reason`.
package enum DeadLetterReason: String, Sendable, Hashable, CaseIterable {
    /// The message is not an event.
    case undecodable
    /// The handler failed as often as it may.
    case handlerFailed = "handler_failed"
    /// The handler said that no further try can help.
    case unprocessable
    /// An earlier event of the same aggregate is parked; order is kept.
    case behindParked = "behind_parked"
}
