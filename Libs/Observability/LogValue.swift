/// A value beside a log message, of a type that JSON has.
package enum LogValue: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case strings([String])

    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }

    /// Any integer; one that does not fit 64 bits is clamped.
    package static func int(_ value: some BinaryInteger) -> LogValue { .int(Int64(clamping: value)) }

    /// The error's `description`, which in this code base holds neither SQL nor personal data.
    package static func error(_ error: any Error) -> LogValue { .string(String(describing: error)) }

    /// A length of time, in milliseconds.
    package static func milliseconds(_ duration: Duration) -> LogValue {
        let parts = duration.components
        return .double(Double(parts.seconds) * 1e3 + Double(parts.attoseconds / 1_000_000_000_000) / 1e3)
    }
}
