import Glibc
import Testing
import TestKit

@testable import EventLoop

@Suite struct TimerTests {
    /// All are scheduled before any can fire, so that the order is that of the deadlines, however slow the machine.
    @Test(arguments: [1, 3, 300])
    func fireInOrderOfTheirDeadlines(every: Int) async throws {
        try await withLoop { loop in
            let fired = Notes<Int>()
            let timers = try await loop.run {
                var generator = SystemRandomNumberGenerator()
                let timers = (0..<300).map { number in
                    loop.schedule(after: .milliseconds(Int.random(in: 0...30, using: &generator))) { fired.add(number) }
                }
                for number in stride(from: 0, to: 300, by: every) where every > 1 { timers[number].cancel() }
                return timers
            }
            let left = every == 1 ? 300 : 300 - (299 / every + 1)
            try await eventually("those left fire") { fired.count == left }
            let deadlines = fired.all.map { timers[$0].deadline }
            #expect(deadlines == deadlines.sorted())
            #expect(Set(fired.all).count == left)
        }
    }

    /// A timer that is due again as soon as it has fired leaves the others their turn.
    @Test func letTheLoopGoOnInBetween() async throws {
        try await withLoop { loop in
            let (timers, fired) = (Notes<LoopTimer>(), Notes<Void>())
            let timer = loop.makeTimer {
                fired.add(())
                usleep(1_000)
                if fired.count < 2_000 { timers.all[0].schedule(after: .zero) }
            }
            timers.add(timer)
            loop.execute { timer.schedule(after: .zero) }
            try await eventually("it fires") { fired.count > 0 }
            try await loop.run {}
            #expect(fired.count < 2_000)
            timer.cancel()
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
            try await loop.run {
                let timers = (0..<500).map { number in
                    loop.schedule(after: .milliseconds(5)) { notes.add(number) }
                }
                for (number, timer) in timers.enumerated() where number != 250 { timer.cancel() }
            }
            try await eventually("the one left fires") { notes.count == 1 }
            let far = (0..<100).map { number in loop.schedule(after: .seconds(1000)) { notes.add(number) } }
            for timer in far { timer.cancel() }
            loop.schedule(after: .milliseconds(10)) { notes.add(-1) }
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
                loop.schedule(after: .milliseconds(500)) { notes.add("other") }
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
