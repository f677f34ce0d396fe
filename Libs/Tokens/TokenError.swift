/// Why a token was refused, or a key could not be used.
package struct TokenError: Error, Hashable, CustomStringConvertible {
    /// The rule that was broken. To the bearer all of them are one answer, 401.
    package enum Code: String, Sendable {
        /// Longer than any token of ours.
        case tooLarge = "too_large"
        /// Not three parts of strict base64url, not JSON objects inside, or a member twice.
        case malformed = "malformed"
        /// An algorithm other than RS256, `none` among them.
        case unsupportedAlgorithm = "unsupported_algorithm"
        /// A `typ` other than the one expected: a token made for another purpose.
        case unsupportedType = "unsupported_type"
        /// A header that names a key or an extension of its own (RFC 8725, sections 3.1 and 3.10).
        case forbiddenHeader = "forbidden_header"
        /// A `kid` that is not in the key set; perhaps of a key that was published since.
        case unknownKey = "unknown_key"
        /// A signature that the named key did not make over these bytes.
        case badSignature = "bad_signature"
        /// Past `exp`.
        case expired = "expired"
        /// Before `nbf` or `iat`.
        case notYetValid = "not_yet_valid"
        /// An `iss` other than this system's address.
        case wrongIssuer = "wrong_issuer"
        /// An `aud` without this system.
        case wrongAudience = "wrong_audience"
        /// A `nonce` other than the one that the client sent to the issuer.
        case wrongNonce = "wrong_nonce"
        /// A claim that is missing or of another form.
        case invalidClaim = "invalid_claim"
        /// A key that is not RSA, too short, or damaged.
        case invalidKey = "invalid_key"
        /// A key set that is not a JWK Set (RFC 7517).
        case malformedKeySet = "malformed_key_set"
        /// OpenSSL failed where it should not.
        case cryptography = "cryptography"
    }

    /// The rule that was broken.
    package let code: Code
    /// What was expected, without anything from the token.
    package let message: String

    /// An error with its rule and what was expected.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// True for `unknownKey` alone: newer keys may know it.
    package var isRetriable: Bool { code == .unknownKey }

    /// Code and message.
    package var description: String { "\(code.rawValue): \(message)" }
}
