import Testing

@testable import AMQP

/// Frames as AMQP 0-9-1 lays them out (2.3.5, 4.2.3), byte by byte.
@Suite struct WireTests {
    private func bytes(_ body: (FrameEncoder, inout OutputBuffer) throws(AMQPError) -> Void) throws -> [UInt8] {
        var output = OutputBuffer()
        try body(FrameEncoder(frameMax: 4096), &output)
        var written: [UInt8] = []
        try output.flush { slice in
            written = Array(slice)
            return slice.count
        }
        #expect(output.isEmpty)
        return written
    }

    @Test func writesHeartbeats() throws {
        let frame = try bytes { encoder, output in encoder.appendHeartbeat(to: &output) }
        #expect(frame == [8, 0, 0, 0, 0, 0, 0, 0xCE])
    }

    @Test func writesAcknowledgements() throws {
        let frame = try bytes { encoder, output throws(AMQPError) in
            try encoder.append(.ack(tag: 258, multiple: true), channel: 7, to: &output)
        }
        #expect(frame == [1, 0, 7, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0xCE])
    }

    @Test func writesAPublishWithItsContent() throws {
        let message = AMQPMessage(
            exchange: "e", routingKey: "k", id: "i", properties: AMQPProperties(), body: [1, 2, 3])
        let frames = try bytes { encoder, output throws(AMQPError) in
            try encoder.append(message, channel: 1, to: &output)
        }
        // basic.publish: ticket, exchange, routing key, mandatory.
        let method: [UInt8] = [1, 0, 1, 0, 0, 0, 11, 0, 60, 0, 40, 0, 0, 1, 0x65, 1, 0x6B, 1, 0xCE]
        // Class 60, weight, body size, flags for delivery mode and message id, their values.
        let header: [UInt8] =
            [2, 0, 1, 0, 0, 0, 17, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x10, 0x80, 2, 1, 0x69, 0xCE]
        let body: [UInt8] = [3, 0, 1, 0, 0, 0, 3, 1, 2, 3, 0xCE]
        #expect(frames == method + header + body)
    }

    @Test(arguments: [(4088, 1), (4089, 2), (0, 0), (8176, 2)])
    func splitsABodyAtTheFrameSize(size: Int, frames: Int) throws {
        let message = AMQPMessage(exchange: "", routingKey: "", id: "i", body: Array(repeating: 3, count: size))
        let all = try bytes { encoder, output throws(AMQPError) in
            try encoder.append(message, channel: 1, to: &output)
        }
        var empty = message
        empty.body = []
        let overhead = try bytes { encoder, output throws(AMQPError) in
            try encoder.append(empty, channel: 1, to: &output)
        }
        #expect(all.count == overhead.count + size + frames * 8)
    }

    @Test func leavesNothingBehindOfWhatItRefuses() throws {
        var tooLong = order(1)
        tooLong.routingKey = String(repeating: "k", count: 256)
        var output = OutputBuffer()
        let encoder = FrameEncoder(frameMax: 4096)
        let error = #expect(throws: AMQPError.self) { try encoder.append(tooLong, channel: 1, to: &output) }
        #expect(error?.code == .invalidArgument && output.isEmpty)
    }

    @Test func writesWhatAShortWriteLeft() throws {
        var output = OutputBuffer()
        for byte in 0..<100 as Range<UInt8> { output.append(byte: byte) }
        var written: [UInt8] = []
        while !output.isEmpty {
            try output.flush { slice in
                written += slice.prefix(7)
                return min(7, slice.count)
            }
            if written.count == 49 { output.append(byte: 100) }
        }
        #expect(written == Array(0...100))
    }
}
