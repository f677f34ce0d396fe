import Testing

@testable import GRPC

@Suite struct DeframerTests {
    /// What comes of those pieces.
    private func messages(of pieces: [[UInt8]], limit: Int = 1000) throws -> (messages: [[UInt8]], partial: Int) {
        var deframer = MessageDeframer(maximumMessageBytes: limit)
        var messages: [[UInt8]] = []
        for piece in pieces { try deframer.append(bytes: piece) { messages.append($0) } }
        return (messages, deframer.partialBytes)
    }

    private static let sample = [[], [1], [UInt8](repeating: 7, count: 300), [2, 3]]

    @Test func framesAreFlagLengthAndBytes() {
        #expect(MessageFraming.frame([]) == [0, 0, 0, 0, 0])
        #expect(MessageFraming.frame([9, 8]) == [0, 0, 0, 0, 2, 9, 8])
        #expect(MessageFraming.frame([UInt8](repeating: 1, count: 0x010203)).prefix(5) == [0, 0, 1, 2, 3])
    }

    /// In pieces it is the same, and what is large is not copied.
    @Test(arguments: [[], [[]], [[1, 2], [], [3]], [[1], [UInt8](repeating: 2, count: 20_000), [3]]])
    func framesPieces(_ pieces: [[UInt8]]) {
        let framed = MessageFraming.frame(pieces: pieces)
        #expect(Array(framed.joined()) == MessageFraming.frame(Array(pieces.joined())))
        #expect(framed.count == (pieces.contains { $0.count >= 20_000 } ? 3 : 1))
    }

    @Test func cutsMessagesWhereverTheBytesAreSplit() throws {
        let bytes = Self.sample.flatMap(MessageFraming.frame)
        for split in 0...bytes.count {
            let result = try messages(of: [Array(bytes[..<split]), Array(bytes[split...])])
            #expect(result.messages == Self.sample)
            #expect(result.partial == 0)
        }
        #expect(try messages(of: bytes.map { [$0] }).messages == Self.sample)
    }

    @Test func keepsWhatIsIncomplete() throws {
        let bytes = MessageFraming.frame([1, 2, 3])
        for count in 0..<bytes.count {
            let result = try messages(of: [Array(bytes[..<count])])
            #expect(result.messages.isEmpty)
            #expect(result.partial == count)
        }
    }

    @Test func takesMessagesUpToTheLimit() throws {
        let atLimit = [UInt8](repeating: 1, count: 10)
        #expect(try messages(of: [MessageFraming.frame(atLimit)], limit: 10).messages == [atLimit])
        #expect(throws: MessageDeframer.Failure.tooLarge(length: 11, limit: 10)) {
            try messages(of: [[0, 0, 0, 0, 11]], limit: 10)
        }
        #expect(throws: MessageDeframer.Failure.tooLarge(length: 0xFFFF_FFFF, limit: 10)) {
            try messages(of: [[0, 0xFF, 0xFF, 0xFF, 0xFF]], limit: 10)
        }
    }

    @Test func refusesFlags() {
        #expect(throws: MessageDeframer.Failure.compressed) { try messages(of: [[1, 0, 0, 0, 0]]) }
        #expect(throws: MessageDeframer.Failure.invalidFlag(0x80)) { try messages(of: [[0x80, 0, 0, 0, 0]]) }
    }

    @Test func deliversWhatCameBeforeTheFailure() {
        var deframer = MessageDeframer(maximumMessageBytes: 10)
        var messages: [[UInt8]] = []
        let bytes = MessageFraming.frame([5]) + [1, 0, 0, 0, 0]
        #expect(throws: MessageDeframer.Failure.compressed) {
            try deframer.append(bytes: bytes) { messages.append($0) }
        }
        #expect(messages == [[5]])
    }
}

extension MessageDeframer {
    fileprivate mutating func append(bytes: [UInt8], onMessage: ([UInt8]) -> Void) throws(Failure) {
        try append(unsafe bytes.span.bytes, onMessage: onMessage)
    }
}
