internal import Glibc

/// The `Date` field (RFC 9110 section 6.6.1), formatted once a second.
struct DateLine {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var second = Int.min
    private var line: [UInt8] = []
    private var text = ""

    /// The line with its end, for the present second.
    mutating func current() -> [UInt8] {
        renew()
        return line
    }

    /// The value alone, for the present second.
    mutating func currentText() -> String {
        renew()
        return text
    }

    private mutating func renew() {
        let now = time(nil)
        guard now != second else { return }
        second = now
        text = Self.format(now)
        line = Array("Date: \(text)\r\n".utf8)
    }

    /// IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func format(_ seconds: Int) -> String {
        var moment = time_t(seconds)
        var parts = unsafe tm()
        // C rule: it fails only for years beyond an int.
        _ = unsafe gmtime_r(&moment, &parts)
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map(twoDigits).joined(separator: ":")
        let day = unsafe "\(days[Int(parts.tm_wday)]), \(twoDigits(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        return unsafe "\(day) \(parts.tm_year + 1900) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
