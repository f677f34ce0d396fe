/// The codec of `grpc-timeout`: at most eight digits and a unit (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Requests").
package enum GRPCTimeout {
    private static let units: [(letter: Character, nanoseconds: Int64)] = [
        ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000), ("H", 3_600_000_000_000),
    ]
    private static let maximumValue: Int64 = 99_999_999

    /// The header's value in the finest unit that fits, rounded up; a timeout that is over is sent as the shortest one.
    package static func format(_ timeout: Duration) -> String {
        let nanoseconds = max(1, self.nanoseconds(timeout))
        for unit in units where (nanoseconds - 1) / unit.nanoseconds + 1 <= maximumValue {
            return "\((nanoseconds - 1) / unit.nanoseconds + 1)\(unit.letter)"
        }
        return "\(maximumValue)H"
    }

    /// The timeout meant, or nil for anything but one to eight digits and a unit.
    package static func parse(_ text: String) -> Duration? {
        let digits = text.utf8.dropLast()
        guard (1...8).contains(digits.count), let letter = text.last,
            digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let unit = units.first(where: { $0.letter == letter })
        else { return nil }
        let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: unit.nanoseconds)
        return overflow ? .nanoseconds(Int64.max) : .nanoseconds(nanoseconds)
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : 0 }
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? .max : sum
    }
}
