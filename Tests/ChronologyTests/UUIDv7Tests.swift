import Synchronization
import Testing

@testable import Chronology

/// A clock that shows what it is told.
private final class SettableClock: WallClock {
    private let instant: Mutex<Timestamp>

    init(_ milliseconds: Int64) {
        instant = Mutex(Timestamp(millisecondsSinceEpoch: milliseconds))
    }

    func now() -> Timestamp { instant.withLock { $0 } }
    func set(_ milliseconds: Int64) { instant.withLock { $0 = Timestamp(millisecondsSinceEpoch: milliseconds) } }
}

@Suite("UUIDv7")
struct UUIDv7Tests {
    @Test func theExampleOfRFC9562() throws {
        // RFC 9562, appendix A.6: 2022-02-22T14:22:22.00-05:00.
        let text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
        let value = try UUIDv7(parsing: text)
        #expect(value.description == text)
        #expect(value.timestamp == Timestamp(rfc3339: "2022-02-22T14:22:22-05:00"))
        #expect(value == UUIDv7(at: value.timestamp, randomA: 0xCC3, randomB: 0x18C4_DC0C_0C07_398F))
        #expect(try UUIDv7(parsing: text.uppercased()) == value)
        #expect(value.bytes.count == 16 && value.bytes[6] == 0x7C && value.bytes[8] == 0x98)
        #expect(try UUIDv7(bytes: value.bytes.span) == value)
        #expect(UUIDv7(high: value.high, low: value.low) == value)
    }

    @Test(arguments: [
        "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-58c4-dc0c0c07398f", "017f22e2-79b0-7cc3-d8c4-dc0c0c07398f",
        "017g22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "017f22e2-79b0-7cc3-98c4-dc0c0c0739８f",
    ])
    func refuses(_ text: String) {
        #expect(throws: ChronologyError(.invalidIdentifier, "expected a version 7 UUID")) { try UUIDv7(parsing: text) }
    }

    @Test func refusesNUL() {
        for text in ["017f22e2-79b0-7cc3-98c4-dc0c0c07398\u{0}", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\u{0}"] {
            #expect(throws: ChronologyError.self) { try UUIDv7(parsing: text) }
        }
    }

    @Test func refusesOtherBytes() {
        for bytes in [
            [], Array(repeating: UInt8(0), count: 16), Array(repeating: 0x77, count: 15),
            Array(repeating: 0x7F, count: 17),
        ] {
            #expect(throws: ChronologyError.self) { try UUIDv7(bytes: bytes.span) }
        }
    }

    @Test func partsAreCutToTheirBits() {
        let value = UUIDv7(at: Timestamp(microsecondsSinceEpoch: .max), randomA: .max, randomB: .max)
        #expect(UUIDv7(high: value.high, low: value.low) == value)
        #expect(
            UUIDv7(at: Timestamp(secondsSinceEpoch: -5), randomA: 0, randomB: 0).timestamp
                == Timestamp(secondsSinceEpoch: 0))
        let instant = Timestamp(rfc3339: "2026-11-20T09:30:00.123Z")
        #expect(instant.map { UUIDv7(at: $0).timestamp } == instant)
    }

    @Test func orderIsThatOfBytesAndOfTexts() {
        let values = (0..<500).map { _ in
            UUIDv7(
                at: Timestamp(millisecondsSinceEpoch: .random(in: 0..<1 << 47)), randomA: .random(in: 0...0xFFF),
                randomB: .random(in: 0...UInt64.max))
        }.sorted()
        for (left, right) in zip(values, values.dropFirst()) {
            #expect(left.description < right.description)
            #expect(left.bytes.lexicographicallyPrecedes(right.bytes))
        }
    }

    @Test func growsWhileTheClockStandsStillGoesBackAndJumps() {
        let clock = SettableClock(1_795_167_000_000)
        let generator = UUIDv7Generator(clock: clock)
        var made: [UUIDv7] = []
        for step in [1_795_167_000_000, 1_795_166_000_000, 0, 1_795_167_000_001, 1_795_168_000_000] as [Int64] {
            clock.set(step)
            // More than the counter holds, so that it runs over too.
            for _ in 0..<6_000 { made.append(generator.make()) }
        }
        #expect(zip(made, made.dropFirst()).allSatisfy { $0 < $1 })
        #expect(made.last.map { $0.timestamp.millisecondsSinceEpoch >= 1_795_168_000_000 } == true)
        #expect(made.first?.timestamp.millisecondsSinceEpoch == 1_795_167_000_000)
    }

    @Test func aClockBeforeTheEpochStillGivesIdentifiers() {
        let generator = UUIDv7Generator(clock: SettableClock(-5))
        #expect(generator.make() < generator.make())
    }

    @Test func manyTasksNeverShareOne() async {
        let all = await withTaskGroup(of: [UUIDv7].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let own = (0..<5_000).map { _ in UUIDv7.make() }
                    return zip(own, own.dropFirst()).allSatisfy { $0 < $1 } ? own : []
                }
            }
            return await group.reduce(into: [UUIDv7]()) { $0 += $1 }
        }
        #expect(Set(all).count == 40_000)
    }

    @Test func randomBitsDiffer() {
        let clock = SettableClock(1_795_167_000_000)
        let lows = Set((0..<1_000).map { _ in UUIDv7Generator(clock: clock).make().low })
        #expect(lows.count == 1_000)
    }
}
