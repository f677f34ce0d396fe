internal import COath

/// Codes of an authenticator (TOTP, RFC 6238) in the one form that all authenticators know: HMAC-SHA-1, six digits, a new
/// code every 30 seconds.
package enum OneTimeCode {
    /// The length of a secret in bytes (RFC 4226, section 4, R6 recommends 160 bits).
    package static let secretBytes = 20
    /// How long a code is shown, in seconds.
    package static let stepSeconds: Int64 = 30
    /// The length of a code.
    package static let digits = 6

    private static let isReady = oath_init() == Int32(OATH_OK.rawValue)

    /// The time step that an instant lies in.
    ///
    /// - Parameter second: since 1970.
    package static func step(atSecond second: Int64) -> Int64 { second / stepSeconds }

    /// The code of a time step.
    ///
    /// - Parameter digits: 6 to 8.
    package static func make(
        secret: [UInt8], step: Int64, digits: Int = Self.digits
    ) throws(OneTimeCodeError) -> String {
        guard isReady else { throw OneTimeCodeError(.libraryUnavailable, "liboath cannot be used") }
        guard 6...8 ~= digits, step >= 0, !secret.isEmpty else {
            throw OneTimeCodeError(.invalidArgument, "a code has 6 to 8 digits, a secret, and a step from 0")
        }
        var text = [CChar](repeating: 0, count: digits + 1)
        let status = unsafe secret.withUnsafeBytes { bytes in
            unsafe oath_hotp_generate(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), secret.count, UInt64(step), UInt32(digits),
                false, Int(bitPattern: UInt.max), &text)
        }
        guard status == Int32(OATH_OK.rawValue) else {
            throw OneTimeCodeError(.libraryFailure, "liboath refused with status \(status)")
        }
        return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The time step whose code this is: the present one, or one next to it, for clocks that differ and codes that were
    /// typed slowly (RFC 6238, section 5.2). Nil where it is none of them.
    ///
    /// - Parameter second: now, since 1970.
    package static func step(
        of code: String, secret: [UInt8], atSecond second: Int64
    ) throws(OneTimeCodeError) -> Int64? {
        guard isCode(code) else { return nil }
        let present = step(atSecond: second)
        var found: Int64?
        // All three are always compared, so that the time tells nothing.
        for step in [present, present - 1, present + 1] where step >= 0 {
            if isEqual(code, try make(secret: secret, step: step)) { found = found ?? step }
        }
        return found
    }

    /// Whether a text has the form of a code.
    package static func isCode(_ text: String) -> Bool {
        text.utf8.count == digits && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func isEqual(_ left: String, _ right: String) -> Bool {
        zip(left.utf8, right.utf8).reduce(left.utf8.count ^ right.utf8.count) { $0 | Int($1.0 ^ $1.1) } == 0
    }
}

/// Why there is no code.
package struct OneTimeCodeError: Error, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Sendable {
        case libraryUnavailable
        case libraryFailure
        case invalidArgument
    }

    package let code: Code
    /// In words, without the secret.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Trying again is of no use.
    package var isRetriable: Bool { false }

    package var description: String { message }
}
