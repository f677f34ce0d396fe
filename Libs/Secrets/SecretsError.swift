/// Why a secret could not be read, opened or made.
package struct SecretsError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: String, Sendable {
        /// Not the hexadecimal or base64 text that was expected.
        case malformedEncoding = "malformed_encoding"
        /// A key of the wrong length, or one that no message can be sealed to.
        case invalidKey = "invalid_key"
        /// A box that is cut, was changed, or was made for another key.
        case cannotOpen = "cannot_open"
        /// Not an encoded Argon2id hash within bounds.
        case malformedHash = "malformed_hash"
        /// The memory that Argon2id needs is not to be had now.
        case outOfMemory = "out_of_memory"
    }

    /// What went wrong.
    package let code: Code
    /// What was expected; no key, password or message is part of it.
    package let message: String

    /// An error with its kind and what was expected.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// True for a lack of memory alone: everything else stays as it is.
    package var isRetriable: Bool { code == .outOfMemory }

    /// Code and message.
    package var description: String { "\(code.rawValue): \(message)" }
}
