import Messaging
import Testing
import TestKit

/// Topic patterns against the rule of AMQP 0-9-1 and against a slow, obvious matcher.
struct TopicPatternTests {
    @Test(arguments: [
        ("florin.auth.user_registered.v1", "florin.auth.user_registered.v1", true),
        ("florin.auth.*.v1", "florin.auth.user_registered.v1", true),
        ("florin.#", "florin.auth.user_registered.v1", true),
        ("florin.#", "florin", true), ("#", "", true), ("#", "a.b", true), ("*", "a", true), ("*", "", true),
        ("*", "a.b", false), ("a.*", "a", false), ("a.#.d", "a.d", true), ("a.#.d", "a.b.c.d", true),
        ("a.#.d", "a.b.c", false), ("#.d", "d", true), ("#.#", "a", true), ("a.#.b.*", "a.b.b.c", true),
        ("a", "b", false),
        ("florin.auth.*", "florin.auth.user_registered.v1", false), ("a.b", "a.b.c", false), ("", "", true),
        ("", "a", false),
    ])
    func matches(pattern: String, type: String, expected: Bool) {
        #expect(TopicPattern(pattern).matches(type) == expected)
    }

    @Test func agreesWithTheObviousMatcher() {
        var random = SeededGenerator(seed: 7)
        let alphabet = ["a", "b", "*", "#"]
        for _ in 0..<20_000 {
            let pattern = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? "a"
            }
            let topic = (0..<Int.random(in: 1...6, using: &random)).map { _ in Bool.random(using: &random) ? "a" : "b" }
            #expect(
                TopicPattern(pattern.joined(separator: ".")).matches(topic.joined(separator: "."))
                    == obviouslyMatches(pattern[...], topic[...]), "\(pattern) \(topic)")
        }
    }

    private func obviouslyMatches(_ pattern: ArraySlice<String>, _ topic: ArraySlice<String>) -> Bool {
        guard let word = pattern.first else { return topic.isEmpty }
        if word == "#" {
            return obviouslyMatches(pattern.dropFirst(), topic)
                || (!topic.isEmpty && obviouslyMatches(pattern, topic.dropFirst()))
        }
        guard let first = topic.first, word == "*" || word == first else { return false }
        return obviouslyMatches(pattern.dropFirst(), topic.dropFirst())
    }
}
