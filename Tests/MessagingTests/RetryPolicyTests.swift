import Testing
import TestKit

@testable import Messaging

/// Waits between tries.
struct RetryPolicyTests {
    @Test func handlersGetThreeMoreTriesWithFullJitter() {
        var random = SeededGenerator(seed: 1)
        var largest = [Duration.zero, .zero, .zero]
        var smallest = [Duration.seconds(9), .seconds(9), .seconds(9)]
        for _ in 0..<2_000 {
            for failures in 1...3 {
                guard let delay = RetryPolicy.standard.handlerDelay(afterFailures: failures, using: &random) else {
                    Issue.record("a try is left after \(failures) failures")
                    return
                }
                largest[failures - 1] = max(largest[failures - 1], delay)
                smallest[failures - 1] = min(smallest[failures - 1], delay)
            }
        }
        for (index, bound) in [Duration.seconds(1), .seconds(2), .seconds(4)].enumerated() {
            #expect(largest[index] <= bound && largest[index] > bound * 0.9)
            #expect(smallest[index] >= .zero && smallest[index] < bound * 0.1)
        }
        #expect(RetryPolicy.standard.handlerDelay(afterFailures: 4, using: &random) == nil)
    }

    @Test func transientWaitsDoubleUpToTheLimitAndNeverEnd() {
        var random = SeededGenerator(seed: 2)
        for failures in [1, 2, 3, 6, 7, 100, 1_000_000] {
            let bound = RetryPolicy.doubled(.milliseconds(100), times: failures - 1, limit: .seconds(5))
            #expect(RetryPolicy.standard.transientDelay(afterFailures: failures, using: &random) <= bound)
        }
        #expect(RetryPolicy.doubled(.milliseconds(100), times: 0, limit: .seconds(5)) == .milliseconds(100))
        #expect(RetryPolicy.doubled(.milliseconds(100), times: 5, limit: .seconds(5)) == .milliseconds(3_200))
        #expect(RetryPolicy.doubled(.milliseconds(100), times: 6, limit: .seconds(5)) == .seconds(5))
        #expect(RetryPolicy.doubled(.seconds(9), times: 0, limit: .seconds(5)) == .seconds(5))
    }
}
