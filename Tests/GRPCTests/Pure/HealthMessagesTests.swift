import Testing

@testable import GRPC

@Suite struct HealthMessagesTests {
    @Test(arguments: ["", "a", String(repeating: "long.", count: 100)])
    func requestsGoThereAndBack(_ service: String) throws {
        #expect(try HealthMessages.decodeRequest(HealthMessages.encodeRequest(service: service)) == service)
    }

    @Test(arguments: HealthService.Status.allCases)
    func responsesGoThereAndBack(_ status: HealthService.Status) throws {
        #expect(try HealthMessages.decodeResponse(HealthMessages.encodeResponse(status)) == status)
    }

    @Test func skipsUnknownFields() throws {
        // Fields 2 to 5 of every wire type, then the service.
        let message: [UInt8] =
            [0x10, 0xFF, 0x01, 0x19] + [UInt8](repeating: 0, count: 8) + [0x22, 0x02, 0x61, 0x62]
            + [0x2D, 0, 0, 0, 0, 0x0A, 0x01, 0x73]
        #expect(try HealthMessages.decodeRequest(message) == "s")
        #expect(try HealthMessages.decodeResponse([0x08, 0x09]) == .unknown)
        #expect(try HealthMessages.decodeResponse([]) == .unknown)
    }

    @Test(
        arguments: [
            [0x0A], [0x0A, 0x05, 0x61], [0x0B], [0x80], [0x19, 0, 0], [0x2D, 0],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        ] as [[UInt8]])
    func refusesMalformedMessages(_ message: [UInt8]) {
        #expect(throws: GRPCStatus.self) { try HealthMessages.decodeRequest(message) }
    }

    @Test func statusesAreKeptByName() {
        let health = HealthService(services: ["a", "b"])
        #expect(health.status(of: "a") == .notServing)
        #expect(health.status(of: "c") == nil)
        health.set(.serving)
        #expect(health.status(of: "") == .serving)
        health.set(.notServing, for: "a")
        #expect(health.status(of: "a") == .notServing && health.status(of: "b") == .serving)
        health.shutDown()
        health.set(.serving)
        #expect(health.status(of: "b") == .notServing)
    }
}
