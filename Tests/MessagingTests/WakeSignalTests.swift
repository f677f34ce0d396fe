import EventLoop
import Testing

@testable import Messaging

/// Waking without losing a wake and without a busy loop.
struct WakeSignalTests {
    private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
        let loop = try EventLoop(name: "wake")
        loop.start()
        do {
            try await body(loop)
        } catch {
            await loop.shutdown()
            throw error
        }
        await loop.shutdown()
    }

    @Test func aRaiseBeforeTheWaitIsNotLost() async throws {
        try await withLoop { loop in
            let signal = WakeSignal()
            signal.raise()
            signal.raise()
            let seen = await signal.wait(after: 0, atMost: .seconds(600), on: loop)
            #expect(seen == 2)
        }
    }

    @Test func aRaiseWakesEveryoneWhoWaits() async throws {
        try await withLoop { loop in
            let signal = WakeSignal()
            await withTaskGroup(of: UInt64.self) { group in
                for _ in 0..<10 { group.addTask { await signal.wait(after: 0, atMost: .seconds(600), on: loop) } }
                signal.raise()
                for await seen in group { #expect(seen == 1) }
            }
        }
    }

    @Test func theWaitEndsWithItsTime() async throws {
        try await withLoop { loop in
            let signal = WakeSignal()
            let start = loop.now
            let seen = await signal.wait(after: 0, atMost: .milliseconds(30), on: loop)
            #expect(seen == 0)
            #expect(loop.now - start >= .milliseconds(29))
        }
    }

    @Test func noShortWaitIsForgotten() async throws {
        try await withLoop { loop in
            let signal = WakeSignal()
            for _ in 0..<500 { _ = await signal.wait(after: 0, atMost: .zero, on: loop) }
            #expect(await signal.wait(after: 0, atMost: .microseconds(10), on: loop) == 0)
        }
    }

    @Test func theWaitEndsWithItsTask() async throws {
        try await withLoop { loop in
            let signal = WakeSignal()
            let task = Task { await signal.wait(after: 0, atMost: .seconds(600), on: loop) }
            task.cancel()
            #expect(await task.value == 0)
        }
    }
}
