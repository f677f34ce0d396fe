import Testing

@testable import Messaging

/// Which dead letters count as failed alike.
struct DeadLetterCauseTests {
    @Test(arguments: [
        ("no row 17 in 3.5 s", "no row # in # s"),
        ("key 01a1f79d-fef0-708d-9b27-5f2e738c8d31 is taken", "key # is taken"),
        ("code(P0001): gone", "code(#): gone"), ("", ""), ("plain words, only", "plain words, only"),
        ("naïve 1€", "naïve #"),
    ])
    func generalizesWhatDiffersBetweenEvents(error: String, expected: String) {
        #expect(DeadLetterCause.generalized(error) == expected)
    }

    @Test func isTheSameForErrorsThatDifferInNumbersOnly() {
        let first = cause(error: "no account 17")
        #expect(first == cause(error: "no account 18"))
        #expect(first.description.utf8.count == 32)
        #expect(first.description.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) })
    }

    @Test func differsByEachPart() {
        let all = [
            cause(), cause(consumer: "other"), cause(type: "other"), cause(reason: .unprocessable),
            cause(error: "other"),
        ]
        #expect(Set(all).count == all.count)
    }

    private func cause(
        consumer: String = "c", type: String = "t", reason: DeadLetterReason = .handlerFailed, error: String = "e"
    ) -> DeadLetterCause {
        DeadLetterCause(consumer: consumer, type: type, reason: reason, error: error)
    }
}
