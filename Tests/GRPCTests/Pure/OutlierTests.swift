import Testing

@testable import GRPC

@Suite struct OutlierTests {
    private static let lost = GRPCStatus(.unavailable, origin: .connectionLost)
    private static let courses: [(statuses: [GRPCStatus], isEjected: Bool)] = [
        (Array(repeating: lost, count: 4), false), (Array(repeating: lost, count: 5), true),
        (Array(repeating: GRPCStatus(.unavailable), count: 5), true),
        (Array(repeating: GRPCStatus(.deadlineExceeded, origin: .caller), count: 5), true),
        (Array(repeating: lost, count: 4) + [GRPCStatus(.ok), lost], false),
        (Array(repeating: lost, count: 4) + [GRPCStatus(.notFound), lost], false),
        (Array(repeating: lost, count: 4) + [GRPCStatus(.cancelled, origin: .caller), lost], true),
        (Array(repeating: GRPCStatus(.unavailable, origin: .unsent), count: 50), false),
        (Array(repeating: GRPCStatus(.internalError), count: 50), false),
    ]

    @Test(arguments: 0..<9) func fiveFailuresInARowEject(_ index: Int) {
        var record = OutlierRecord()
        for status in Self.courses[index].statuses { record.note(status, at: .zero, mayEject: true) }
        #expect(record.isEjected(at: .seconds(9)) == Self.courses[index].isEjected)
    }

    @Test func eachEjectionIsLongerUntilAGoodAnswer() {
        var record = OutlierRecord()
        var now = Duration.zero
        for length in [10, 20, 30, 40, 50, 60, 60] {
            for _ in 0..<5 { record.note(Self.lost, at: now, mayEject: true) }
            #expect(record.isEjected(at: now + .seconds(length) - .milliseconds(1)))
            now += .seconds(length)
            #expect(!record.isEjected(at: now))
        }
        record.note(GRPCStatus(.ok), at: now, mayEject: true)
        for _ in 0..<5 { record.note(Self.lost, at: now, mayEject: true) }
        #expect(!record.isEjected(at: now + .seconds(10)))
    }

    /// Ejected by five failures and back after its time, for one call at a time.
    @Test func aProbeAtATimeAfterAnEjection() {
        var record = OutlierRecord()
        for _ in 0..<5 {
            let isProbe = record.sent(at: .zero)
            #expect(!isProbe)
            record.note(Self.lost, at: .zero, mayEject: true)
        }
        #expect(!record.mayBeAsked(at: .seconds(9)) && record.mayBeAsked(at: .seconds(10)))
        let first = record.sent(at: .seconds(10))
        #expect(first)
        #expect(!record.mayBeAsked(at: .seconds(11)))
        // A probe that never ends is not waited for.
        #expect(record.mayBeAsked(at: .seconds(20)))
        // One that ends without a word leaves it to the next.
        record.probeEnded()
        record.note(GRPCStatus(.cancelled, origin: .caller), at: .seconds(12), mayEject: true)
        #expect(record.mayBeAsked(at: .seconds(12)))
        let second = record.sent(at: .seconds(12))
        #expect(second)
        // One failure is enough now.
        record.probeEnded()
        record.note(Self.lost, at: .seconds(13), mayEject: true)
        #expect(!record.mayBeAsked(at: .seconds(32)) && record.mayBeAsked(at: .seconds(33)))
        // With an answer it has its share again.
        let third = record.sent(at: .seconds(33))
        #expect(third)
        record.probeEnded()
        record.note(GRPCStatus(.notFound), at: .seconds(34), mayEject: true)
        let fourth = record.sent(at: .seconds(34))
        #expect(!fourth && record.mayBeAsked(at: .seconds(34)))
    }

    @Test func anAddressThatIsNeededStays() {
        var record = OutlierRecord()
        for _ in 0..<50 { record.note(Self.lost, at: .zero, mayEject: false) }
        #expect(!record.isEjected(at: .zero))
    }
}
