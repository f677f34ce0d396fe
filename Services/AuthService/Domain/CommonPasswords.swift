/// Passwords that are tried first by whoever guesses: the most frequent ones of leaks, and the name of this program.
package enum CommonPasswords {
    /// Words that suggest themselves here, in lower case; also when repeated, or with digits and signs around them.
    package static let ownWords = ["florin"]

    /// Whether a password is among them; case does not matter.
    package static func contains(_ password: String) -> Bool {
        let lowered = password.lowercased()
        return isListed(lowered) || ownWords.contains { isMade(of: $0, lowered) }
    }

    /// Whether there is nothing in a password but a word, as often as may be, with digits and signs around it.
    static func isMade(of word: String, _ password: String) -> Bool {
        var rest = Substring(password)
        while let first = rest.first, !first.isLetter { rest.removeFirst() }
        while let last = rest.last, !last.isLetter { rest.removeLast() }
        guard !word.isEmpty, !rest.isEmpty else { return false }
        while rest.hasPrefix(word) { rest.removeFirst(word.count) }
        return rest.isEmpty
    }

    /// Searches the list by halves, where it lies in the program: it costs no memory of its own and no time at the start.
    private static func isListed(_ password: String) -> Bool {
        let (list, wanted) = (commonPasswordList.utf8.span, password.utf8.span)
        var (low, high) = (0, list.count)
        while low < high {
            var begin = (low + high) / 2
            while begin > low, list[begin - 1] != lineFeed { begin -= 1 }
            var end = begin
            while list[end] != lineFeed { end += 1 }
            switch order(of: list.extracting(begin..<end), wanted) {
            case 0: return true
            case ..<0: low = end + 1
            default: high = begin
            }
        }
        return false
    }

    /// Negative where `a` comes before `b` in the order of their bytes, 0 where they are equal.
    private static func order(of a: Span<UInt8>, _ b: Span<UInt8>) -> Int {
        for index in 0..<min(a.count, b.count) where a[index] != b[index] { return a[index] < b[index] ? -1 : 1 }
        return a.count - b.count
    }

    private static let lineFeed = UInt8(ascii: "\n")
}
