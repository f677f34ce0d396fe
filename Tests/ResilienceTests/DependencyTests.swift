import EventLoop
import Observability
import Resilience
import Synchronization
import Testing
import TestKit

/// A call that fails as a test wants.
private struct Failure: Error, Equatable {
    let kind: CallFailure
}

/// How many are somewhere.
private final class Occupancy: Sendable {
    private let count = Mutex((now: 0, most: 0))

    var now: Int { count.withLock { $0.now } }
    var most: Int { count.withLock { $0.most } }

    func enter() {
        count.withLock { count in
            count.now += 1
            count.most = max(count.most, count.now)
        }
    }

    func leave() { count.withLock { $0.now -= 1 } }
}

/// Time that goes on when it is told to.
private final class ManualClock: Sendable {
    private struct State {
        var now = Duration.seconds(1000)
        var timers: [Int: (at: Duration, body: @Sendable () -> Void)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    var clock: ResilienceClock {
        ResilienceClock(
            now: { [self] in state.withLock { $0.now } },
            sleep: { [self] (duration) async throws(CancellationError) in advance(by: duration) },
            schedule: { [self] delay, body in
                let number = state.withLock { state in
                    state.next += 1
                    state.timers[state.next] = (state.now + delay, body)
                    return state.next
                }
                return { [self] in state.withLock { _ = $0.timers.removeValue(forKey: number) } }
            })
    }

    /// Timers that are due fire.
    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.timers.filter { $0.value.at <= state.now }
            for number in due.keys { state.timers[number] = nil }
            return due.values.map(\.body)
        }
        for body in due { body() }
    }
}

@Suite(.timeLimit(.minutes(5))) struct DependencyTests {
    private let time = ManualClock()
    private let metrics = Metrics()

    private func dependency(_ adjust: (inout Dependency.Configuration) -> Void = { _ in }) -> Dependency {
        var configuration = Dependency.Configuration()
        adjust(&configuration)
        return Dependency("expense", configuration: configuration, clock: time.clock, metrics: metrics)
    }

    /// Calls with attempts that end like this, the last one over and over; how the call ended, and the attempts made.
    private func call(
        _ dependency: Dependency, _ repetition: Repetition = .always, ends: [CallFailure?]
    ) async -> (error: (any Error)?, attempts: Int) {
        var attempts = 0
        do {
            try await dependency.call(
                within: .seconds(10), repeating: repetition, classify: { ($0 as? Failure)?.kind ?? .answered }
            ) { _ in
                attempts += 1
                if let kind = ends[min(attempts, ends.count) - 1] { throw Failure(kind: kind) }
            }
            return (nil, attempts)
        } catch {
            return (error, attempts)
        }
    }

    private static let courses: [(ends: [CallFailure?], Repetition, attempts: Int, failure: CallFailure?)] = [
        ([nil], .always, 1, nil),
        ([.lost, nil], .always, 2, nil), ([.lost, nil], .whenUnsent, 1, .lost),
        ([.unavailable, .lost, nil], .always, 3, nil), ([.unavailable], .always, 3, .unavailable),
        ([.unsent, .unsent, nil], .whenUnsent, 3, nil), ([.unsent, .lost, nil], .whenUnsent, 2, .lost),
        ([.timedOut, nil], .always, 1, .timedOut), ([.answered, nil], .always, 1, .answered),
        ([.cancelled, nil], .always, 1, .cancelled),
    ]

    @Test(arguments: Self.courses.indices) func repeatsWhatIsSafe(_ index: Int) async {
        let course = Self.courses[index]
        let (error, attempts) = await call(dependency(), course.1, ends: course.ends)
        #expect(attempts == course.attempts)
        #expect((error as? Failure)?.kind == course.failure)
        let retries = #"florin_dependency_retries_total{service="expense"} \#(course.attempts - 1)"#
        #expect(metrics.render().contains(retries))
    }

    /// Every call fails, and none of the failures opens the circuit: what remains is the budget.
    @Test func aFullOutageIsNotMadeWorse() async {
        let dependency = dependency { $0.circuit.failures = .max }
        var attempts = 0
        for _ in 0..<200 { attempts += await call(dependency, ends: [.unavailable]).attempts }
        #expect(attempts == 210)
    }

    @Test func anOpenCircuitRefusesAtOnceAndIsProbed() async throws {
        let dependency = dependency { $0.retries.attempts = 1 }
        for _ in 0..<5 { #expect(await call(dependency, ends: [.timedOut]).attempts == 1) }
        let (error, attempts) = await call(dependency, ends: [nil])
        #expect(attempts == 0)
        #expect(error as? CallRefusal == .circuitOpen(retryAfter: .seconds(30)))
        #expect(metrics.render().contains(#"florin_dependency_circuit{service="expense"} 2"#))
        #expect(
            metrics.render().contains(
                #"florin_dependency_refusals_total{service="expense",reason="circuit_open"} 1"#))
        time.advance(by: .seconds(30))
        #expect(await call(dependency, ends: [nil]).error == nil)
        #expect(metrics.render().contains(#"florin_dependency_circuit{service="expense"} 0"#))
    }

    @Test func retriesEndWhenTheCircuitOpens() async {
        let dependency = dependency { $0.retries.attempts = 100 }
        let (error, attempts) = await call(dependency, ends: [.unavailable])
        #expect(attempts == 5 && (error as? Failure)?.kind == .unavailable)
    }

    @Test func refusalsOfTheServiceAreNoFailures() async {
        let dependency = dependency()
        for _ in 0..<50 { #expect(await call(dependency, ends: [.answered]).attempts == 1) }
        for _ in 0..<50 { #expect(await call(dependency, ends: [.cancelled]).attempts == 1) }
    }

    @Test func anAbsentServiceIsLeftToTheChannel() async {
        let dependency = dependency { $0.retryCapacity = 0 }
        for _ in 0..<50 { #expect(await call(dependency, ends: [.unsent]).attempts == 1) }
        #expect(await call(dependency, ends: [nil]).error == nil)
    }

    @Test func oneBreakOfAConnectionIsOneFailure() async {
        let dependency = dependency { $0.retries.attempts = 1 }
        for _ in 0..<100 { #expect(await call(dependency, ends: [.lost]).attempts == 1) }
        for _ in 0..<4 {
            time.advance(by: .milliseconds(200))
            #expect(await call(dependency, ends: [.lost]).attempts == 1)
        }
        #expect(await call(dependency, ends: [nil]).error as? CallRefusal == .circuitOpen(retryAfter: .seconds(30)))
    }

    @Test func attemptsShareTheTime() async {
        let dependency = dependency()
        var given: [Duration] = []
        let outcome: Void? = try? await dependency.call(
            within: .seconds(10), repeating: .always, classify: { _ in .unavailable }
        ) { left in
            given.append(left)
            time.advance(by: .seconds(6))
            throw Failure(kind: .unavailable)
        }
        #expect(outcome == nil && given.count == 2 && given[0] == .seconds(10))
        #expect(given.last.map { $0 <= .seconds(4) && $0 > .seconds(3) } == true)
    }

    @Test func waitsForAPlaceNoLongerThanItsDeadline() async throws {
        let dependency = dependency {
            $0.concurrency = 1
            $0.queue = 1
        }
        let (gate, open) = AsyncStream<Void>.makeStream()
        let (begun, began) = AsyncStream<Void>.makeStream()
        async let slow: Void = dependency.call(within: .seconds(60), repeating: .always, classify: { _ in .answered }) {
            _ in
            began.finish()
            for await _ in gate {}
        }
        for await _ in begun {}
        async let late = call(dependency, ends: [nil])
        try await eventually("one waits") {
            metrics.render().contains(#"florin_dependency_waiting{service="expense"} 1"#)
        }
        #expect(await call(dependency, ends: [nil]).error as? CallRefusal == .full)
        time.advance(by: .seconds(10))
        let (error, attempts) = await late
        #expect(error as? CallRefusal == .timedOut && attempts == 0)

        async let next = call(dependency, ends: [nil])
        try await eventually("another waits") {
            metrics.render().contains(#"florin_dependency_waiting{service="expense"} 1"#)
        }
        open.finish()
        try await slow
        #expect(await next.error == nil)
        #expect(metrics.render().contains(#"florin_dependency_calls{service="expense"} 0"#))
    }

    @Test func aCallerThatLeavesGivesItsPlaceUp() async throws {
        let dependency = dependency { $0.concurrency = 1 }
        let (gate, open) = AsyncStream<Void>.makeStream()
        let (begun, began) = AsyncStream<Void>.makeStream()
        async let slow: Void = dependency.call(within: .seconds(60), repeating: .always, classify: { _ in .answered }) {
            _ in
            began.finish()
            for await _ in gate {}
        }
        for await _ in begun {}
        let leaving = Task { [self] in await call(dependency, ends: [nil]) }
        try await eventually("one waits") {
            metrics.render().contains(#"florin_dependency_waiting{service="expense"} 1"#)
        }
        leaving.cancel()
        let (error, attempts) = await leaving.value
        #expect(error is CancellationError && attempts == 0)
        open.finish()
        try await slow
        #expect(await call(dependency, ends: [nil]).error == nil)
    }

    @Test func manyAtOnceKeepTheBound() async throws {
        let loop = try EventLoop(name: "bound")
        loop.start()
        var configuration = Dependency.Configuration()
        configuration.concurrency = 7
        let dependency = Dependency(
            "expense", configuration: configuration, clock: ResilienceClock(loop), metrics: metrics)
        let inside = Occupancy()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                group.addTask {
                    try await dependency.call(
                        within: .seconds(60), repeating: .always, classify: { _ in .answered }
                    ) { _ in
                        inside.enter()
                        try await loop.sleep(for: .milliseconds(1))
                        inside.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(inside.most == 7 && inside.now == 0)
        await loop.shutdown()
    }
}
