import EventLoop
import Testing

@Suite struct TimerTests {
    @Test func fireInOrderOfTheirDeadlines() async throws {
        try await withLoop { loop in
            let notes = Notes<Int>()
            try await loop.run {
                for delay in [30, 10, 20, 0, 10] {
                    loop.schedule(after: .milliseconds(delay)) { notes.add(delay) }
                }
            }
            try await eventually("all fire") { notes.count == 5 }
            #expect(notes.all == [0, 10, 10, 20, 30])
        }
    }

    @Test func neverFireEarly() async throws {
        try await withLoop { loop in
            let early = Notes<Duration>()
            let done = Notes<Int>()
            for delay in [1, 3, 7, 12, 25] {
                let start = ContinuousClock.now
                loop.schedule(after: .milliseconds(delay)) {
                    let passed = ContinuousClock.now - start
                    if passed < .milliseconds(delay) { early.add(passed) }
                    done.add(delay)
                }
            }
            try await eventually("all fire") { done.count == 5 }
            #expect(early.all.isEmpty)
        }
    }

    @Test func cancelledOnesDoNotFire() async throws {
        try await withLoop { loop in
            let notes = Notes<Int>()
            var timers: [LoopTimer] = []
            for number in 0..<500 { timers.append(loop.schedule(after: .milliseconds(50)) { notes.add(number) }) }
            for (number, timer) in timers.enumerated() where number != 250 { timer.cancel() }
            try await eventually("the one left fires") { notes.count == 1 }
            loop.schedule(after: .milliseconds(60)) { notes.add(-1) }
            try await eventually("time passes") { notes.all.contains(-1) }
            #expect(notes.all == [250, -1])
        }
    }

    @Test func reusableOnesMove() async throws {
        try await withLoop { loop in
            let notes = Notes<String>()
            let timer = loop.makeTimer { notes.add("moved") }
            try await loop.run {
                timer.schedule(after: .seconds(1000))
                loop.schedule(after: .milliseconds(20)) { notes.add("other") }
                timer.schedule(after: .milliseconds(2))
            }
            try await eventually("both fire") { notes.count == 2 }
            #expect(notes.all == ["moved", "other"])
            try await loop.run { timer.schedule(after: .milliseconds(1)) }
            try await eventually("it fires again") { notes.count == 3 }
            try await loop.run {
                timer.schedule(after: .milliseconds(1))
                timer.stop()
                loop.schedule(after: .milliseconds(10)) { notes.add("later") }
            }
            try await eventually("time passes") { notes.all.last == "later" }
            timer.cancel()
            try await loop.run { timer.schedule(after: .zero) }
            #expect(notes.count == 4)
        }
    }

    @Test func heapKeepsItsOrderUnderRemovals() async throws {
        try await withLoop { loop in
            let notes = Notes<Int>()
            try await loop.run {
                var generator = SystemRandomNumberGenerator()
                let delays = (0..<300).map { _ in Int.random(in: 5...40, using: &generator) }
                let timers = delays.map { delay in loop.schedule(after: .milliseconds(delay)) { notes.add(delay) } }
                for (index, timer) in timers.enumerated() where index % 3 == 0 { timer.cancel() }
            }
            try await eventually("those left fire") { notes.count == 200 }
            #expect(notes.all == notes.all.sorted())
        }
    }

    @Test func sleepEndsByItself() async throws {
        try await withLoop { loop in
            let start = loop.now
            try await loop.sleep(for: .milliseconds(10))
            #expect(loop.now - start >= .milliseconds(10))
            try await loop.sleep(for: .seconds(-1))
        }
    }

    @Test func sleepEndsByCancellation() async throws {
        try await withLoop { loop in
            let task = Task { try await loop.sleep(for: .seconds(10000)) }
            try await loop.run {}
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let early = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await loop.sleep(for: .seconds(10000))
            }
            await #expect(throws: CancellationError.self) { try await early.value }
        }
    }

    @Test func manySleepersAreCancelledConcurrently() async throws {
        try await withLoop { loop in
            let tasks = (0..<300).map { number in
                Task { try await loop.sleep(for: number % 2 == 0 ? .milliseconds(number / 10) : .seconds(1000)) }
            }
            for (number, task) in tasks.enumerated() where number % 2 == 1 { task.cancel() }
            for (number, task) in tasks.enumerated() {
                let result = await task.result
                #expect((try? result.get()) != nil || number % 2 == 1)
            }
        }
    }
}
