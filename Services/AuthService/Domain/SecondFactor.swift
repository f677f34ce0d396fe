/// What a sign-in can be finished with, where the account has a second factor.
package enum SecondFactor: String, Sendable, CaseIterable {
    /// A code of an authenticator (RFC 6238).
    case totp
    /// One of the codes that were given out with the authenticator's secret.
    case recoveryCode = "recovery_code"
}

/// How often codes of a second factor may be tried.
///
/// Of a million codes three are right at a time. After the free attempts an attacker who knows the password has one attempt in
/// a quarter of an hour at last: a chance of 0.03 % a day.
package enum MfaLimit {
    /// The wrong codes that a challenge forgives.
    package static let attemptsPerChallenge = 5
    /// The wrong codes of an authenticator, since the last right one, after which nobody has to wait yet.
    package static let freeFailures = 4
    private static let firstDelay: Duration = .seconds(30)
    private static let longestDelay: Duration = .seconds(15 * 60)

    /// How long no code of the authenticator is looked at after this many wrong ones since the last right one. Recovery
    /// codes cannot be guessed, and are always looked at.
    package static func delay(afterFailures failures: Int) -> Duration? {
        let excess = failures - freeFailures
        guard excess > 0 else { return nil }
        return min(firstDelay * (1 << min(excess - 1, 10)), longestDelay)
    }
}

/// A code that stands in for the authenticator once: 80 bits as sixteen characters of Crockford's alphabet, which has no
/// letters that look like digits.
package struct RecoveryCode: Sendable, Hashable {
    /// How many are given out at a time.
    package static let count = 10
    /// The random bytes of one.
    package static let byteCount = 10
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// Sixteen characters without hyphens, in lower case.
    package let normalized: String

    /// - Parameter bytes: `byteCount` random ones.
    package init(bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "a recovery code has \(Self.byteCount) bytes")
        var text: [UInt8] = []
        var (buffer, bits) = (UInt32(0), 0)
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(Self.alphabet[Int(buffer >> UInt32(bits)) & 31])
            }
        }
        normalized = String(decoding: text, as: UTF8.self)
    }

    /// Reads a code as people type it: in any case, with or without hyphens and blanks, `o` for `0`, `i` and `l` for `1`.
    package init?(typed text: String) {
        var normalized: [UInt8] = []
        for byte in text.lowercased().utf8 where byte != UInt8(ascii: "-") && byte != UInt8(ascii: " ") {
            let character: UInt8
            switch byte {
            case UInt8(ascii: "o"): character = UInt8(ascii: "0")
            case UInt8(ascii: "i"), UInt8(ascii: "l"): character = UInt8(ascii: "1")
            default: character = byte
            }
            guard Self.alphabet.contains(character), normalized.count < 16 else { return nil }
            normalized.append(character)
        }
        guard normalized.count == 16 else { return nil }
        self.normalized = String(decoding: normalized, as: UTF8.self)
    }

    /// As it is shown: `7f3k-92mx-…`, four groups of four.
    package var text: String {
        let characters = Array(normalized.utf8)
        return stride(from: 0, to: 16, by: 4).map { start in
            String(decoding: characters[start..<start + 4], as: UTF8.self)
        }.joined(separator: "-")
    }
}

/// What an authenticator is set up with.
package struct TotpEnrolment: Sendable, Hashable {
    /// How long a secret waits for its first code.
    package static let lifetime: Duration = .seconds(15 * 60)

    /// Base32, without padding.
    package let secret: String
    package let email: EmailAddress

    package init(secret: String, email: EmailAddress) {
        self.secret = secret
        self.email = email
    }

    /// The URI that authenticators read from a picture (the Key URI Format).
    package var uri: String {
        "otpauth://totp/Florin:\(Self.escaped(email.text))?secret=\(secret)&issuer=Florin&algorithm=SHA1&digits=6&period=30"
    }

    /// Percent-encoded but for what RFC 3986, section 2.3, leaves unreserved.
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.append(byte)
            default: escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}

/// A change of an account's second factor.
package enum MfaChange: String, Sendable, CaseIterable {
    case enabled
    case disabled
    case recoveryCodesReplaced = "recovery_codes_replaced"
    case recoveryCodeUsed = "recovery_code_used"
}

/// A code as somebody typed it.
package enum TypedCode: Sendable, Hashable {
    /// Six digits.
    case totp(String)
    case recoveryCode(RecoveryCode)
    /// Neither of them.
    case malformed

    /// Reads six digits with or without blanks between them, or a recovery code.
    package init(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: " ") }
        if digits.count == 6, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            self = .totp(String(decoding: digits, as: UTF8.self))
        } else if let code = RecoveryCode(typed: text) {
            self = .recoveryCode(code)
        } else {
            self = .malformed
        }
    }
}
