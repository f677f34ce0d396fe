import Testing

@testable import AMQP

/// Which outcome meets which message.
@Suite struct ConfirmTableTests {
    private func table(_ ids: String...) -> ConfirmTable<Int> {
        var table = ConfirmTable<Int>()
        for (number, id) in ids.enumerated() { table.sent(messageID: id, size: 10, owner: number + 1) }
        return table
    }

    private func outcomes(_ settled: [ConfirmTable<Int>.Settled]) -> [Int: AMQPPublishOutcome] {
        Dictionary(uniqueKeysWithValues: settled.map { ($0.owner, $0.outcome) })
    }

    @Test func confirmsOne() {
        var table = table("a", "b")
        #expect(outcomes(table.settle(tag: 2, multiple: false, isPositive: true)) == [2: .confirmed])
        #expect(table.inFlight == 1 && table.bytesInFlight == 10)
    }

    @Test func confirmsAllUpToATag() {
        var table = table("a", "b", "c")
        let settled = table.settle(tag: 2, multiple: true, isPositive: true)
        #expect(outcomes(settled) == [1: .confirmed, 2: .confirmed])
        #expect(outcomes(table.settle(tag: 0, multiple: true, isPositive: false)) == [3: .nacked])
        #expect(table.bytesInFlight == 0)
    }

    @Test(arguments: [0, 3, 99] as [UInt64]) func ignoresATagThatIsNotInFlight(tag: UInt64) {
        var table = table("a", "b")
        #expect(table.settle(tag: tag, multiple: false, isPositive: true).isEmpty)
        #expect(table.inFlight == 2)
    }

    @Test func matchesReturnsByMessageID() {
        var table = table("a", "b", "c")
        table.returned(messageID: "b", code: 312, text: "NO_ROUTE")
        let settled = outcomes(table.settle(tag: 3, multiple: true, isPositive: true))
        #expect(settled == [1: .confirmed, 2: .returned(code: 312, text: "NO_ROUTE"), 3: .confirmed])
    }

    @Test func givesAReturnToTheFirstOfTwoMessagesWithOneID() {
        var table = table("a", "a")
        table.returned(messageID: "a", code: 312, text: "first")
        #expect(
            outcomes(table.settle(tag: 1, multiple: false, isPositive: true)) == [
                1: .returned(code: 312, text: "first")
            ])
        #expect(outcomes(table.settle(tag: 2, multiple: false, isPositive: true)) == [2: .confirmed])
    }

    @Test func keepsNoMoreReturnsThanMessagesInFlight() {
        var table = table("a")
        for number in 0..<100 { table.returned(messageID: "stray-\(number)", code: 312, text: "") }
        table.sent(messageID: "b", size: 1, owner: 2)
        table.returned(messageID: "b", code: 312, text: "NO_ROUTE")
        let settled = outcomes(table.settle(tag: 2, multiple: true, isPositive: true))
        #expect(settled == [1: .confirmed, 2: .returned(code: 312, text: "NO_ROUTE")])
    }

    @Test func failsAllThatIsInFlight() {
        var table = table("a", "b")
        let error = AMQPError(.connectionLost, "gone")
        #expect(outcomes(table.fail(error)) == [1: .connectionLost(error), 2: .connectionLost(error)])
        #expect(table.inFlight == 0 && table.bytesInFlight == 0)
        #expect(table.fail(error).isEmpty)
    }
}
