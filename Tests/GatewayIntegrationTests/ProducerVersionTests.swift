import Chronology
import CloudEvents
import Contracts
import Messaging
import MessagingAMQP
import MessagingTesting
import ServersTesting
import Testing
import TestKit
import Tokens

/// Events of producers one version ahead or behind, and what is none, at the live stream and the revocations of the program.
@Suite(.timeLimit(.minutes(5))) struct ProducerVersionTests {
    private let key: RSAPrivateKey

    init() throws { key = try RSAPrivateKey.generate() }

    private static func event(_ type: String, user: UUIDv7, data: [UInt8]) throws -> CloudEvent {
        let id = UUIDv7.make().description
        return try CloudEvent(
            id: id, source: "/florin/test", type: type, subject: id, time: SystemClock().now(),
            dataContentType: "application/json", dataSchema: "urn:florin:event:test:happened:v1",
            extensions: [
                .init("partitionkey", .string(user.description)), .init("correlationid", .string("c")),
                .init("causationid", .string("c")),
            ], data: .json(data))
    }

    private func environment(_ backend: Backend, broker: String) throws -> [String: String] {
        let address = backend.address.description
        return [
            "FLORIN_HTTP_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
            "FLORIN_PUBLIC_URL": Backend.issuer, "FLORIN_AMQP_URL": broker, "FLORIN_AUTH_GRPC": address,
            "FLORIN_EXPENSE_GRPC": address, "FLORIN_PORTFOLIO_GRPC": address, "FLORIN_PROCESSOR_GRPC": address,
        ]
    }

    @Test func everyVersionIsShownAndRevokes() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(environment(backend, broker: url))
        defer { gateway.kill() }
        let broker = try AMQPEventBroker(url: url, name: "test")
        try broker.start()
        try await broker.waitUntilReady(timeout: .seconds(60))
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }

        let user = UUIDv7.make()
        let reader = try gateway.stream(token: try Backend.token(key, user: user))
        try await eventually("the stream is open") { reader.output.contains(": connected\n\n") }
        let type = "florin.expense.expense_created.v1"
        for foreign in [ForeignMessage.noEvent, .otherSpecification] {
            let event = try Self.event(type, user: user, data: Array("{}".utf8))
            #expect(await broker.publish([try foreign.message(event)]) == [.confirmed])
        }
        for version in ProducerVersion.allCases {
            let event = try Self.event(type, user: user, data: Array(#"{"a":1}"#.utf8))
            #expect(await broker.publish([try version.message(event)]) == [.confirmed])
            try await eventually("\(version) comes") { reader.output.contains("id: \(event.id)\n") }
        }
        // What a later version has added is handed through.
        #expect(reader.output.contains("added_later") && reader.output.contains("addednumber"))

        func revoked(_ session: UUIDv7) throws -> CloudEvent {
            let payload = SessionsRevokedV1(
                userID: user.description, sessionIDs: [session.description], reason: "logout",
                revokedAt: "2026-11-20T09:30:00.123Z")
            return try Self.event(SessionsRevokedV1.type, user: user, data: payload.encoded())
        }
        for foreign in ForeignMessage.allCases {
            #expect(await broker.publish([try foreign.message(revoked(.make()))]) == [.confirmed])
        }
        for version in ProducerVersion.allCases {
            let session = UUIDv7.make()
            let token = try Backend.token(key, user: user, session: session)
            #expect(try await gateway.get("/v1/expenses", token: token).status == 200)
            #expect(await broker.publish([try version.message(revoked(session))]) == [.confirmed])
            try await eventually("\(version) revokes") {
                try await gateway.get("/v1/expenses", token: token).status == 401
            }
        }
        #expect(gateway.log.contains("event not understood"))
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await broker.shutdown()
        await backend.stop()
    }
}
