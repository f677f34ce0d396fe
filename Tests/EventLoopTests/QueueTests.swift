import Testing

@testable import EventLoop

/// The queues and the heap against the simplest thing that does the same.
@Suite struct QueueTests {
    @Test func workQueueKeepsItsOrder() {
        var queue = WorkQueue()
        var other = WorkQueue()
        let ran = Notes<Int>()
        var expected: [Int] = []
        var next = 0
        func run(_ work: Work?) {
            if case .call(let body) = work { body() }
        }
        for round in 0..<300 {
            for _ in 0..<(round * 7 % 31) {
                let number = next
                queue.append(.call { ran.add(number) })
                expected.append(number)
                next += 1
            }
            for _ in 0..<(round * 5 % 29) { run(queue.popFirst()) }
            if round % 10 == 0 {
                let number = next
                other.append(.call { ran.add(number) })
                expected.append(number)
                next += 1
                queue.take(all: &other)
                #expect(other.isEmpty)
            }
        }
        while !queue.isEmpty { run(queue.popFirst()) }
        #expect(ran.all == expected)
        #expect(queue.popFirst() == nil)
    }

    @Test func workQueueReleasesWhatItHasHandedOut() {
        final class Held: Sendable {}
        var queue = WorkQueue()
        weak var weakly: Held?
        do {
            let held = Held()
            weakly = held
            queue.append(.call { withExtendedLifetime(held) {} })
            queue.append(.none)
        }
        #expect(weakly != nil)
        _ = queue.popFirst()
        #expect(weakly == nil)
    }

    @Test func outputQueueCounts() {
        var queue = OutputQueue()
        var bytes: [UInt8] = []
        var expected: [UInt8] = []
        for round in 0..<500 {
            let chunk = (0..<(1 + round % 17)).map { UInt8(truncatingIfNeeded: $0 + round) }
            let offset = round % chunk.count
            queue.append(chunk, from: offset)
            expected += chunk[offset...]
            while queue.count > 40, let first = queue.first {
                let count = min(7, first.bytes.count - first.offset)
                bytes += first.bytes[first.offset..<first.offset + count]
                queue.consume(count)
            }
            #expect(queue.count == expected.count - bytes.count)
        }
        while let first = queue.first {
            bytes += first.bytes[first.offset...]
            queue.consume(first.bytes.count - first.offset)
        }
        #expect(bytes == expected)
        #expect(queue.isEmpty)
    }

    @Test func bytesInFlightCountAsQueued() {
        var queue = OutputQueue()
        queue.append([1, 2, 3], from: 0)
        queue.beginInFlight(2)
        queue.consume(2)
        #expect(queue.count == 3)
        #expect(queue.isInFlight)
        queue.finishInFlight()
        #expect(queue.count == 1)
        #expect(!queue.isInFlight)
    }

    @Test func timerHeapGivesTheEarliest() async throws {
        try await withLoop { loop in
            try await loop.run {
                var generator = SystemRandomNumberGenerator()
                var left: Set<Int> = []
                let timers = (0..<200).map { number in
                    loop.schedule(after: .seconds(1000 + Int.random(in: 0..<50, using: &generator))) {}
                }
                left.formUnion(timers.indices)
                while !left.isEmpty {
                    let earliest = left.map { timers[$0].deadline }.min()
                    #expect(loop.timers.first?.deadline == earliest)
                    #expect(loop.timers.count == left.count)
                    guard let number = left.randomElement(using: &generator) else { break }
                    left.remove(number)
                    timers[number].cancel()
                    timers[number].cancel()
                }
                #expect(loop.timers.first == nil)
            }
        }
    }

    @Test(arguments: [
        (Duration.zero, UInt64(0)), (.nanoseconds(1), 1), (.seconds(-5), 0), (.nanoseconds(-1), 0),
        (.seconds(2), 2_000_000_000),
        (.milliseconds(1500), 1_500_000_000), (.seconds(Int64.max), 4_611_686_018_000_000_000),
    ])
    func durationsAreClamped(duration: Duration, nanoseconds: UInt64) {
        #expect(duration.clampedNanoseconds == nanoseconds)
    }
}

@Suite struct EventLoopErrorTests {
    @Test(arguments: [
        (Int32(98), EventLoopError.Code.addressUnavailable, false), (99, .addressUnavailable, false),
        (111, .connectionRefused, true), (104, .connectionReset, true), (32, .connectionReset, true),
        (110, .timedOut, true), (125, .closed, false), (13, .system, false),
    ])
    func tellsTheSystemsErrorsApart(number: Int32, code: EventLoopError.Code, isRetriable: Bool) {
        let error = EventLoopError.system(number, "try")
        #expect(error.code == code)
        #expect(error.number == number)
        #expect(error.isRetriable == isRetriable)
        #expect(error.description.hasPrefix("\(code): try: E"))
    }

    @Test func overloadMayPassAndShutdownDoesNot() {
        #expect(EventLoopError(.overloaded, "x").isRetriable)
        #expect(!EventLoopError(.shutDown, "x").isRetriable)
        #expect(EventLoopError(.closed, "x") == EventLoopError(.closed, "x"))
    }
}
