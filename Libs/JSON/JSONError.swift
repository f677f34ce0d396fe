/// A text that is not JSON as this library accepts it (RFC 8259, with UTF-8, a depth limit, no NUL and no lone surrogate).
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What is wrong with the text.
    package enum Code: Int, Sendable {
        /// No value in the text.
        case empty = 1
        /// The text breaks the grammar of RFC 8259.
        case syntax = 2
        /// Arrays and objects nest deeper than allowed.
        case tooDeep = 3
        /// The bytes are not UTF-8.
        case invalidUTF8 = 4
        /// A number is malformed or beyond 64 bits.
        case number = 5
        /// A string contains NUL.
        case nul = 6
        /// A string contains half of a surrogate pair.
        case loneSurrogate = 7
        /// The text is larger than 16 MiB.
        case tooLarge = 8
        /// No memory for the document.
        case outOfMemory = 9
    }

    /// What is wrong with the text.
    package let code: Code
    /// Offset in bytes of the fault, where it is known.
    package let offset: Int?

    package init(_ code: Code, offset: Int? = nil) {
        self.code = code
        self.offset = offset
    }

    /// Whether the same text may be accepted later.
    package var isRetriable: Bool { code == .outOfMemory }

    package var description: String {
        let place = offset.map { " at byte \($0)" } ?? ""
        return "JSON refused: \(code)\(place)"
    }
}
