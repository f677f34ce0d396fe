import Testing

@testable import HTTP2

@Suite struct OutboundBodyTests {
    private func take(_ count: Int, from body: inout OutboundBody) -> ([UInt8], OutboundBody.Continuation) {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { unsafe body.take(into: $0) }
        return (Array(bytes[..<result.count]), result.then)
    }

    @Test func starvesUntilItIsEnded() {
        var body = OutboundBody()
        #expect(take(10, from: &body) == ([], .starved))
        body.append([1, 2, 3])
        #expect(body.queuedBytes == 3)
        #expect(take(2, from: &body) == ([1, 2], .more))
        #expect(take(2, from: &body) == ([3], .starved))
        body.end()
        #expect(take(2, from: &body) == ([], .ended))
    }

    @Test func endsWithTheLastBytes() {
        var body = OutboundBody()
        body.append([1])
        body.append([])
        body.append([2, 3])
        body.end(trailers: [HeaderField("grpc-status", "0")])
        body.end()
        body.append([4])
        #expect(body.isEnded)
        #expect(take(2, from: &body) == ([1, 2], .more))
        #expect(take(9, from: &body) == ([3], .trailers([HeaderField("grpc-status", "0")])))
    }

    @Test func keepsOrderOverManyChunks() {
        var body = OutboundBody()
        var taken: [UInt8] = []
        for value in 0..<500 {
            body.append([UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)])
            if value % 3 == 0 { taken += take(3, from: &body).0 }
        }
        while body.queuedBytes > 0 { taken += take(7, from: &body).0 }
        #expect(taken == (0..<500).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
    }
}
