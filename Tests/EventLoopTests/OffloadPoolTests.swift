import EventLoop
import Glibc
import Synchronization
import Testing
import TestKit

/// A gate that threads of a pool wait at, without using the pool's own means.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)
    let waiting = Atomic<Int>(0)

    func pass() {
        waiting.add(1, ordering: .sequentiallyConsistent)
        while !isOpen.load(ordering: .acquiring) { ContinuousClock.pause() }
    }

    func open() { isOpen.store(true, ordering: .releasing) }
}

extension ContinuousClock {
    /// Gives the processor to someone else.
    static func pause() { sched_yield() }
}

@Suite struct OffloadPoolTests {
    struct Failure: Error {}

    @Test func returnsResultsAndErrors() async throws {
        let pool = OffloadPool(name: "pool", threads: 2, queueLimit: 100)
        #expect(try await pool.run { 6 * 7 } == 42)
        await #expect(throws: Failure.self) { try await pool.run { throw Failure() } }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<100 { group.addTask { try await pool.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 4950)
        pool.shutdown()
    }

    @Test func refusesWhenFullAndWhenShutDown() async throws {
        let pool = OffloadPool(name: "pool", threads: 1, queueLimit: 1)
        let gate = Gate()
        let running = Task { try await pool.run { gate.pass() } }
        try await eventually("the thread is busy") { gate.waiting.load(ordering: .sequentiallyConsistent) == 1 }
        let refused = Notes<EventLoopError.Code>()
        let waiting = (0..<3).map { _ in
            Task {
                do { try await pool.run {} } catch let error as EventLoopError { refused.add(error.code) }
            }
        }
        try await eventually("all but one are refused") { refused.count == 2 }
        #expect(refused.all == [.overloaded, .overloaded])
        #expect(pool.load == (1, 1))
        gate.open()
        try await running.value
        for task in waiting { try await task.value }
        try await eventually("nothing is left to do") { pool.load == (0, 0) }
        #expect(refused.count == 2)
        pool.shutdown()
        pool.shutdown()
        await #expect { try await pool.run {} } throws: { ($0 as? EventLoopError)?.code == .shutDown }
    }

    @Test func cancellationTakesWaitingWorkOut() async throws {
        let pool = OffloadPool(name: "pool", threads: 1, queueLimit: 1)
        let gate = Gate()
        let running = Task { try await pool.run { gate.pass() } }
        try await eventually("the thread is busy") { gate.waiting.load(ordering: .sequentiallyConsistent) == 1 }
        let ran = Notes<Int>()
        let cancelled = Task.immediate { try await pool.run { ran.add(1) } }
        await #expect { try await pool.run {} } throws: { ($0 as? EventLoopError)?.code == .overloaded }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let next = Task { try await pool.run { ran.add(2) } }
        gate.open()
        try await next.value
        try await running.value
        #expect(ran.all == [2])
        pool.shutdown()
    }
}
