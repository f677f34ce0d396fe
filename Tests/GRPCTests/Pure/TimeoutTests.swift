import Testing

@testable import GRPC

@Suite struct TimeoutTests {
    @Test(arguments: [
        ("1n", Duration.nanoseconds(1)), ("99999999u", .microseconds(99_999_999)), ("250m", .milliseconds(250)),
        ("5S", .seconds(5)), ("2M", .seconds(120)), ("1H", .seconds(3600)), ("00000001S", .seconds(1)), ("0S", .zero),
    ])
    func reads(_ text: String, _ expected: Duration) { #expect(GRPCTimeout.parse(text) == expected) }

    @Test(arguments: ["", "S", "5", "5s", "-5S", "+5S", "123456789S", " 5S", "5 S", "5.5S", "5SS", "٥S", "5ß"])
    func refuses(_ text: String) { #expect(GRPCTimeout.parse(text) == nil) }

    @Test func anHourCountBeyondRangeIsTheLongestTime() {
        #expect(GRPCTimeout.parse("99999999H") == .nanoseconds(Int64.max))
    }

    @Test(arguments: [
        (Duration.nanoseconds(1), "1n"), (.zero, "1n"), (.seconds(-3), "1n"), (.milliseconds(99), "99000000n"),
        (.milliseconds(100), "100000u"), (.seconds(5), "5000000u"), (.seconds(100), "100000m"),
        (.nanoseconds(99_999_999_001), "100000m"), (.seconds(99_999), "99999000m"), (.seconds(100_000), "100000S"),
        (.seconds(86_400 * 365 * 10), "5256000M"), (.seconds(Int64.max), "2562048H"),
    ])
    func writes(_ timeout: Duration, _ expected: String) { #expect(GRPCTimeout.format(timeout) == expected) }

    @Test func whatIsWrittenIsNeverShorter() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let shift = UInt64.random(in: 0..<62, using: &generator)
            let timeout = Duration.nanoseconds(Int64.random(in: 1...(1 << Int64(shift)), using: &generator))
            let text = GRPCTimeout.format(timeout)
            #expect(text.count <= 9)
            #expect((GRPCTimeout.parse(text) ?? .zero) >= timeout)
        }
    }
}
