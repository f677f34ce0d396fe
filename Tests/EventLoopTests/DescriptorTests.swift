import EventLoop
import Glibc
import Testing
import TestKit

@Suite struct DescriptorTests {
    @Test func tellsReadableAndWritable() async throws {
        try await withLoop { loop in
            var ends: [Int32] = [0, 0]
            #expect(unsafe pipe(&ends) == 0)
            let (reading, writing) = (ends[0], ends[1])
            let heard = Notes<Readiness>()
            let watcher = try await loop.run {
                try DescriptorWatcher(fd: reading, loop: loop) { readiness in
                    var byte: UInt8 = 0
                    if unsafe read(reading, &byte, 1) == 1 { heard.add(readiness) }
                }
            }
            try await loop.run { watcher.watch(readable: true, writable: false) }
            var byte: UInt8 = 1
            #expect(unsafe write(writing, &byte, 1) == 1)
            try await eventually("it is readable") { heard.all == [.readable] }
            let writable = Notes<Readiness>()
            let other = try await loop.run {
                let other = try DescriptorWatcher(fd: writing, loop: loop) { writable.add($0) }
                other.watch(readable: false, writable: true)
                return other
            }
            try await eventually("it is writable") { writable.all.first == .writable }
            try await loop.run {
                watcher.stop()
                watcher.stop()
                other.stop()
            }
            let count = writable.count
            #expect(unsafe write(writing, &byte, 1) == 1)
            try await loop.sleep(for: .milliseconds(10))
            #expect(heard.count == 1)
            #expect(writable.count == count)
            close(reading)
            close(writing)
        }
    }

    @Test func stopsWhenDropped() async throws {
        try await withLoop { loop in
            var ends: [Int32] = [0, 0]
            #expect(unsafe pipe(&ends) == 0)
            let writing = ends[1]
            let heard = Notes<Readiness>()
            try await loop.run {
                let watcher = try DescriptorWatcher(fd: writing, loop: loop) { heard.add($0) }
                watcher.watch(readable: false, writable: true)
            }
            try await loop.sleep(for: .milliseconds(10))
            #expect(heard.count == 0)
            ends.forEach { _ = close($0) }
        }
    }

    @Test func refusesWhatCannotBePolled() async throws {
        try await withLoop { loop in
            await #expect(throws: EventLoopError.self) {
                try await loop.run { _ = try DescriptorWatcher(fd: -1, loop: loop) { _ in } }
            }
        }
    }

    @Test func signalsArriveOnTheLoop() async throws {
        try await withLoop { loop in
            let heard = Notes<Int32>()
            let source = try await loop.run {
                try SignalSource.onSignals([SIGUSR1, SIGUSR2], loop: loop) { number in
                    if loop.isCurrent { heard.add(number) }
                }
            }
            #expect(kill(getpid(), SIGUSR1) == 0)
            #expect(kill(getpid(), SIGUSR2) == 0)
            try await eventually("both arrive") { Set(heard.all) == [SIGUSR1, SIGUSR2] }
            source.cancel()
        }
    }
}
