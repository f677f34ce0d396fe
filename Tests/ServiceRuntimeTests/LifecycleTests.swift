import EventLoop
import Observability
import Synchronization
import Testing

@testable import ServiceRuntime

struct LifecycleTests {
    @Test func startsInOrderAndStopsInTheOppositeOrder() async throws {
        let notes = Notes()
        try await onLoop { loop in
            var lifecycle = Lifecycle(loop: loop, logger: .silent)
            for name in ["a", "b", "c"] { lifecycle.add(notes.component(name)) }
            try await lifecycle.start()
            await lifecycle.stop(grace: .seconds(10))
            await lifecycle.stop(grace: .seconds(10))
        }
        #expect(notes.all == ["start a", "start b", "start c", "stop c", "stop b", "stop a"])
    }

    @Test func aFailedStartStopsOnlyWhatWasStarted() async throws {
        let notes = Notes()
        try await onLoop { loop in
            var lifecycle = Lifecycle(loop: loop, logger: .silent)
            lifecycle.add(notes.component("a"))
            lifecycle.add(Component("b", start: { throw Refusal() }, stop: { _ in notes.add("stop b") }))
            lifecycle.add(notes.component("c"))
            await #expect(throws: Refusal.self) { try await lifecycle.start() }
            await lifecycle.stop(grace: .seconds(10))
        }
        #expect(notes.all == ["start a", "stop a"])
    }

    @Test func theGraceIsSharedAndEachPartHasSome() async throws {
        let graces = Mutex<[Duration]>([])
        try await onLoop { loop in
            var lifecycle = Lifecycle(loop: loop, logger: .silent)
            lifecycle.add(Component("last", start: {}, stop: { grace in graces.withLock { $0.append(grace) } }))
            lifecycle.add(
                Component(
                    "first", start: {},
                    stop: { grace in
                        graces.withLock { $0.append(grace) }
                        await #expect(throws: Never.self) { try await loop.sleep(for: .milliseconds(300)) }
                    }))
            try await lifecycle.start()
            await lifecycle.stop(grace: .milliseconds(200))
        }
        let seen = graces.withLock { $0 }
        #expect(seen.count == 2)
        #expect((.milliseconds(20) ... .milliseconds(200)).contains(seen[0]))
        #expect(seen[1] == .milliseconds(20))
    }

    @Test func aTaskIsCancelledAndAwaited() async throws {
        let notes = Notes()
        let lines = LogLines()
        try await onLoop { loop in
            var lifecycle = Lifecycle(loop: loop, logger: .silent)
            let logger = Logger(service: "test", sink: lines.add)
            lifecycle.add(
                .task("steady", on: loop, logger: logger) {
                    notes.add("run")
                    while !Task.isCancelled { do { try await loop.sleep(for: .seconds(60)) } catch {} }
                    notes.add("end")
                })
            lifecycle.add(.task("short", on: loop, logger: logger) {})
            try await lifecycle.start()
            await lifecycle.stop(grace: .seconds(10))
        }
        #expect(notes.all == ["run", "end"])
        #expect(lines.all.count == 1)
        #expect(lines.contain("\"component\":\"short\""))
    }

    @Test func readinessNamesWhatIsMissing() async {
        let readiness = Readiness()
        #expect(await readiness.report().isReady)
        readiness.add("database") { nil }
        readiness.add("broker") { "connecting" }
        let report = await readiness.report()
        #expect(!report.isReady)
        #expect(report.missing == ["broker: connecting"])
        readiness.beginDraining()
        #expect(await readiness.report().missing == ["broker: connecting", "process: stopping"])
    }

    /// Servers take connections when nothing is missing, what the process could do without included.
    @Test(.timeLimit(.minutes(2))) func serversOpenOnceWhenEverythingIsThere() async throws {
        let missing = Mutex(["database": "connecting", "broker": "connecting"])
        let readiness = Readiness()
        readiness.add("database") { missing.withLock { $0["database"] } }
        readiness.add("broker", isRequired: { false }) { missing.withLock { $0["broker"] } }
        let notes = Notes()
        // Longer than a test takes.
        try await watching(readiness, notes, patience: .seconds(600)) { loop in
            while notes.all.isEmpty { try await loop.sleep(for: .milliseconds(5)) }
            missing.withLock { $0["database"] = nil }
            while !notes.all.contains("true") { try await loop.sleep(for: .milliseconds(5)) }
            missing.withLock { $0["broker"] = nil }
            while !notes.all.contains("open") { try await loop.sleep(for: .milliseconds(5)) }
            missing.withLock { $0["database"] = "connecting" }
            while notes.all.last != "false" { try await loop.sleep(for: .milliseconds(5)) }
        }
        #expect(notes.all == ["false", "true", "open", "false"])
    }

    /// Who waits is not left to wait for ever.
    @Test(.timeLimit(.minutes(2))) func serversOpenAfterAWhileInAnyCase() async throws {
        let readiness = Readiness()
        readiness.add("database") { "connecting" }
        let notes = Notes()
        try await watching(readiness, notes) { loop in
            while !notes.all.contains("open") { try await loop.sleep(for: .milliseconds(20)) }
        }
        #expect(notes.all == ["false", "open"])
    }

    /// Looks after readiness while `body` runs.
    private func watching(
        _ readiness: ServiceRuntime.Readiness, _ notes: Notes, patience: Duration = .milliseconds(100),
        _ body: @escaping @Sendable (EventLoop) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let watch = ReadinessWatch(
                loop: loop, readiness: readiness, logger: .silent, metrics: Metrics(), tell: [{ notes.add("\($0)") }],
                open: [{ notes.add("open") }], patience: patience)
            let task = loop.spawn { await watch.run() }
            try await body(loop)
            task.cancel()
            await task.value
        }
    }
}

struct Refusal: Error {}

/// What happened, in order.
final class Notes: Sendable {
    private let notes = Mutex<[String]>([])
    var all: [String] { notes.withLock { $0 } }
    func add(_ note: String) { notes.withLock { $0.append(note) } }

    func component(_ name: String) -> Component {
        Component(name, start: { self.add("start \(name)") }, stop: { _ in self.add("stop \(name)") })
    }
}

/// What a logger wrote.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var add: Logger.Sink { { line in self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } } }
    var all: [String] { lines.withLock { $0 } }
    func contain(_ text: String) -> Bool { all.contains { $0.contains(text) } }
}

/// Runs a body on a loop of its own.
func onLoop(_ body: @escaping @Sendable (EventLoop) async throws -> Void) async throws {
    let loop = try EventLoop(name: "test")
    loop.start()
    let failure = Mutex<(any Error)?>(nil)
    await loop.spawn {
        do {
            try await body(loop)
        } catch {
            failure.withLock { $0 = error }
        }
    }.value
    await loop.shutdown()
    if let error = failure.withLock({ $0 }) { throw error }
}
