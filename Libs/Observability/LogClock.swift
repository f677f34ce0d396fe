import Chronology

/// The time of a log line.
enum LogClock {
    /// The present in RFC 3339, UTC, with milliseconds.
    static func text() -> String { SystemClock().now().description }
}
