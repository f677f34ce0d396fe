import EventLoop
import Synchronization
import Testing
import TestKit

/// An actor on a loop, as the servers are.
actor Counter {
    private let loop: EventLoop
    private(set) var count = 0
    private(set) var isOnLoop = true

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(loop: EventLoop) { self.loop = loop }

    func add() {
        count += 1
        if !loop.isCurrent { isOnLoop = false }
    }

    nonisolated func addFromLoop() { assumeIsolated { $0.add() } }
}

@Suite struct ExecutorTests {
    @Test func actorsRunOnTheLoop() async throws {
        try await withLoop { loop in
            let counter = Counter(loop: loop)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { for _ in 0..<50 { await counter.add() } } }
            }
            #expect(await counter.count == 5000)
            #expect(await counter.isOnLoop)
        }
    }

    @Test func callbacksMayAssumeTheActor() async throws {
        try await withLoop { loop in
            let counter = Counter(loop: loop)
            try await loop.run { counter.addFromLoop() }
            let done = Notes<Int>()
            loop.schedule(after: .milliseconds(1)) {
                counter.addFromLoop()
                done.add(1)
            }
            try await eventually("the timer fires") { done.count == 1 }
            #expect(await counter.count == 2)
        }
    }

    @Test func keepsTheOrderOfOneThread() async throws {
        try await withLoop { loop in
            let notes = Notes<Int>()
            for number in 0..<2000 { loop.execute { notes.add(number) } }
            try await loop.run {}
            #expect(notes.all == Array(0..<2000))
        }
    }

    @Test func runsWhatWasHandedInBeforeTheStart() async throws {
        let loop = try EventLoop()
        let notes = Notes<Int>()
        loop.execute { notes.add(1) }
        #expect(notes.count == 0)
        loop.start()
        try await loop.run {}
        #expect(notes.count == 1)
        await loop.shutdown()
    }

    @Test func endOfTickComesAfterTheJobsOfTheTick() async throws {
        try await withLoop { loop in
            let notes = Notes<String>()
            try await loop.run {
                loop.atEndOfTick { notes.add("end") }
                loop.execute { notes.add("job") }
                notes.add("body")
            }
            try await eventually("the tick ends") { notes.count == 3 }
            #expect(notes.all == ["body", "job", "end"])
        }
    }

    @Test func spawnedOnTheLoopBeginsAtOnce() async throws {
        try await withLoop { loop in
            let wasDone = try await loop.run {
                let notes = Notes<Bool>()
                loop.spawn { notes.add(loop.isCurrent) }
                return notes.all == [true]
            }
            #expect(wasDone)
        }
    }

    @Test func spawnedElsewhereRunsOnTheLoop() async throws {
        try await withLoop { loop in
            let notes = Notes<Bool>()
            await loop.spawn {
                notes.add(loop.isCurrent)
                await Task.yield()
                notes.add(loop.isCurrent)
            }.value
            #expect(notes.all == [true, true])
        }
    }

    @Test func manyJobsDoNotStarveTimers() async throws {
        try await withLoop { loop in
            let stop = Notes<Int>()
            @Sendable func again() { if stop.count == 0 { loop.execute(again) } }
            loop.execute(again)
            loop.schedule(after: .milliseconds(5)) { stop.add(1) }
            try await eventually("the timer fires between the jobs") { stop.count == 1 }
        }
    }

    @Test func runRethrows() async throws {
        struct Failure: Error {}
        try await withLoop { loop in
            await #expect(throws: Failure.self) { try await loop.run { throw Failure() } }
        }
    }
}

@Suite struct ShutdownTests {
    @Test func isIdempotentAndConcurrent() async throws {
        let loop = try EventLoop()
        loop.start()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await loop.shutdown() } }
        }
        await loop.shutdown()
        #expect(!loop.isCurrent)
    }

    @Test func worksWithoutAStart() async throws {
        let loop = try EventLoop()
        await loop.shutdown()
        #expect(try await loop.run { 7 } == 7)
    }

    @Test func worksFromTheLoopItself() async throws {
        let loop = try EventLoop()
        loop.start()
        let counter = Counter(loop: loop)
        await loop.spawn {
            await counter.add()
            await loop.shutdown()
            await counter.add()
        }.value
        #expect(await counter.count == 2)
    }

    @Test func workHandedInLaterStillRuns() async throws {
        let loop = try EventLoop()
        loop.start()
        let counter = Counter(loop: loop)
        await loop.shutdown()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { for _ in 0..<20 { await counter.add() } } }
        }
        #expect(await counter.count == 400)
        await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(100)) }
        await #expect(throws: EventLoopError.self) {
            _ = try await TCPConnection.connect(to: .loopback(port: 1), loop: loop, timeout: .seconds(1))
        }
    }

    @Test func closesConnectionsAndEndsSleeps() async throws {
        let loop = try EventLoop()
        loop.start()
        let pair = try await Pair.make(on: loop)
        let sleeper = Task { try await loop.sleep(for: .seconds(1000)) }
        try await loop.run {}
        await loop.shutdown()
        #expect(pair.clientPeer.now.closed.first??.code == .shutDown)
        #expect(pair.serverPeer.now.closed.count == 1)
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    @Test func releasesTheLoop() async throws {
        weak var weakLoop: EventLoop?
        do {
            let loop = try EventLoop()
            weakLoop = loop
            loop.start()
            _ = try await Pair.make(on: loop)
            await loop.shutdown()
        }
        for _ in 0..<5000 where weakLoop != nil { try await Task.sleep(for: .milliseconds(2)) }
        #expect(weakLoop == nil)
    }
}
