/// A pattern of a schema in the subset that the generator translates: classes of ASCII characters with a count, one after the
/// other, and optional groups of them. Neighbours never accept the same character, so one pass without going back decides.
struct TextPattern: Sendable {
    /// A part of a pattern.
    enum Part: Sendable {
        /// From `least` to `most` characters out of `ranges`.
        case characters(ranges: [ClosedRange<UInt8>], least: Int, most: Int)
        /// All of the parts or none.
        case optional([Part])
    }

    let parts: [Part]

    /// Whether the whole text matches.
    func matches(_ text: String) -> Bool {
        var rest = text.utf8[...]
        return Self.consume(parts, from: &rest) && rest.isEmpty
    }

    private static func consume(_ parts: [Part], from rest: inout Substring.UTF8View) -> Bool {
        for part in parts {
            switch part {
            case .characters(let ranges, let least, let most):
                var count = 0
                while count < most, let byte = rest.first, ranges.contains(where: { $0.contains(byte) }) {
                    rest = rest.dropFirst()
                    count += 1
                }
                guard count >= least else { return false }
            case .optional(let inner):
                var attempt = rest
                if consume(inner, from: &attempt) { rest = attempt }
            }
        }
        return true
    }
}
