import Testing

@testable import AMQP

/// Method, header and bodies become one content.
@Suite struct ContentAssemblerTests {
    private let origin = AMQPContent.Origin.returned(code: 312, text: "NO_ROUTE")

    private func assembler(limit: Int = 100) throws -> ContentAssembler {
        var assembler = ContentAssembler(limit: limit)
        try assembler.begin(origin)
        return assembler
    }

    @Test func needsNoBodyFrameForAnEmptyBody() throws {
        var assembler = try assembler()
        let content = try assembler.header(bodySize: 0, AMQPProperties(messageID: "m"))
        #expect(content?.body == [] && content?.properties.messageID == "m" && content?.origin == origin)
        // Ready for the next.
        try assembler.begin(origin)
    }

    @Test func joinsPieces() throws {
        var assembler = try assembler()
        #expect(try assembler.header(bodySize: 5, AMQPProperties()) == nil)
        #expect(try assembler.body([1, 2]) == nil)
        #expect(try assembler.body([3]) == nil)
        let content = try assembler.body([4, 5])
        #expect(content?.body == [1, 2, 3, 4, 5] && content?.isOversized == false)
    }

    @Test(arguments: [(10, false), (11, true)]) func leavesOutABodyBeyondItsLimit(size: Int, isOversized: Bool) throws {
        var assembler = try assembler(limit: 10)
        #expect(try assembler.header(bodySize: UInt64(size), AMQPProperties()) == nil)
        let content = try assembler.body(Array(repeating: 1, count: size))
        #expect(content?.isOversized == isOversized && content?.body.count == (isOversized ? 0 : size))
    }

    @Test func holdsNothingForAGiantAnnouncement() throws {
        var assembler = try assembler(limit: 10)
        #expect(try assembler.header(bodySize: .max, AMQPProperties()) == nil)
        #expect(try assembler.body([1, 2, 3]) == nil)
    }

    @Test func refusesFramesOutOfTurn() throws {
        var idle = ContentAssembler(limit: 10)
        #expect(throws: AMQPError.self) { try idle.header(bodySize: 1, AMQPProperties()) }
        #expect(throws: AMQPError.self) { try idle.body([1]) }
        var begun = try assembler()
        #expect(throws: AMQPError.self) { try begun.begin(origin) }
        var long = try assembler()
        #expect(try long.header(bodySize: 2, AMQPProperties()) == nil)
        let error = #expect(throws: AMQPError.self) { try long.body([1, 2, 3]) }
        #expect(error?.code == .protocolViolation)
    }
}
