/// A pattern over event types: words between dots, `*` for exactly one word, `#` for any number of words, none included.
///
/// The rule is that of an AMQP 0-9-1 topic exchange; every implementation of `EventSubscriber` follows it.
package struct TopicPattern: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The pattern as written, `florin.auth.*.v1` or `florin.#`.
    package let description: String
    private let words: [Substring]

    /// Takes the pattern as written.
    package init(_ text: String) {
        description = text
        words = text.split(separator: ".", omittingEmptySubsequences: false)
    }

    package init(stringLiteral value: String) { self.init(value) }

    /// Whether an event type (a routing key) falls under the pattern.
    package func matches(_ type: String) -> Bool {
        let topic = type.split(separator: ".", omittingEmptySubsequences: false)
        // Greedy matching with one point of return: the last `#` can be made to swallow one word more.
        var word = 0
        var position = 0
        var lastHash: (word: Int, position: Int)?
        while position < topic.count {
            if word < words.count, words[word] == "#" {
                lastHash = (word, position)
                word += 1
            } else if word < words.count, words[word] == "*" || words[word] == topic[position] {
                word += 1
                position += 1
            } else if let hash = lastHash {
                lastHash = (hash.word, hash.position + 1)
                word = hash.word + 1
                position = hash.position + 1
            } else {
                return false
            }
        }
        return words[word...].allSatisfy { $0 == "#" }
    }
}
