/// The name of a value beside a log message.
///
/// The name is a `StaticString`: data cannot become a key. Names that ask for personal data or secrets (`email`, `password`,
/// `token`, …) are refused by `scripts/tidy`. A person is named by `user_id` alone.
package struct LogKey: Sendable, Hashable {
    /// The name as the log has it, in snake case.
    package let name: String

    /// A key of that name, for a library that needs one that is not in the list.
    package init(_ name: StaticString) { self.name = name.description }

    // Who and what.
    package static let component = LogKey("component")
    package static let userID = LogKey("user_id")
    package static let version = LogKey("version")
    package static let signal = LogKey("signal")
    package static let configuration = LogKey("configuration")

    // What happened.
    package static let error = LogKey("error")
    package static let code = LogKey("code")
    package static let reason = LogKey("reason")
    package static let state = LogKey("state")
    package static let attempt = LogKey("attempt")
    package static let count = LogKey("count")
    package static let bytes = LogKey("bytes")
    package static let limit = LogKey("limit")
    package static let duration = LogKey("duration_ms")

    // Network, HTTP, gRPC.
    package static let address = LogKey("address")
    package static let method = LogKey("method")
    package static let route = LogKey("route")
    package static let status = LogKey("status")
    package static let networkProtocol = LogKey("protocol")
    package static let receivedBytes = LogKey("received_bytes")
    package static let sentBytes = LogKey("sent_bytes")
    package static let isAborted = LogKey("aborted")
    package static let rule = LogKey("rule")
    package static let dependency = LogKey("dependency")

    // Database.
    package static let sqlState = LogKey("sqlstate")

    // Messages.
    package static let eventID = LogKey("event_id")
    package static let eventType = LogKey("event_type")
    package static let queue = LogKey("queue")
    package static let consumer = LogKey("consumer")
}
