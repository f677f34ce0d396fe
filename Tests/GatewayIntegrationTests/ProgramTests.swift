import Chronology
import CloudEvents
import Contracts
import Foundation
import Messaging
import MessagingAMQP
import ServersTesting
import Testing
import TestKit
import Tokens

/// The program itself, with a RabbitMQ, in front of services of the tests' own.
@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
    private let key: RSAPrivateKey

    init() throws { key = try RSAPrivateKey.generate() }

    private func environment(_ backend: Backend, broker: String) throws -> [String: String] {
        try backend.environment(broker: broker)
    }

    private func publish(
        _ type: String, user: UUIDv7, data: [UInt8], on broker: AMQPEventBroker
    ) async throws -> String {
        let id = UUIDv7.make().description
        let event = try CloudEvent(
            id: id, source: "/florin/test", type: type, subject: id, dataContentType: "application/json",
            extensions: [.init("partitionkey", .string(user.description))], data: .json(data))
        let outbound = OutboundEvent(
            id: id, routingKey: type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event))
        #expect(await broker.publish([outbound]) == [.confirmed])
        return id
    }

    @Test func streamsRevokesAndStops() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(environment(backend, broker: url))
        defer { gateway.kill() }
        let broker = try AMQPEventBroker(url: url, name: "test")
        try broker.start()
        try await broker.waitUntilReady(timeout: .seconds(60))
        try await eventually("it is ready and hears events") {
            let readiness = try await gateway.admin("/readyz")
            return readiness.status == 200 && readiness.body.contains(#""broker":"ready""#)
        }

        let (user, session) = (UUIDv7.make(), UUIDv7.make())
        let token = try Backend.token(key, user: user)
        let ending = try Backend.token(key, user: user, session: session)
        let reader = try gateway.stream(token: token)
        let endingReader = try gateway.stream(token: ending)
        for reader in [reader, endingReader] {
            try await eventually("the stream is open") { reader.output.contains(": connected\n\n") }
        }
        let id = try await publish("florin.expense.expense_created.v1", user: user, data: Array("{}".utf8), on: broker)
        for reader in [reader, endingReader] {
            try await eventually("the event comes") { reader.output.contains("id: \(id)\n") }
        }

        #expect(try await gateway.get("/v1/expenses", token: ending).status == 200)
        let revoked = SessionsRevokedV1(
            userID: user.description, sessionIDs: [session.description], reason: "logout",
            revokedAt: "2026-11-20T09:30:00.123Z")
        _ = try await publish(SessionsRevokedV1.type, user: user, data: revoked.encoded(), on: broker)
        try await eventually("the session is refused") {
            try await gateway.get("/v1/expenses", token: ending).status == 401
        }
        #expect(try await endingReader.exitStatus() == 0)
        #expect(try await gateway.get("/v1/expenses", token: token).status == 200)

        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        #expect(try await reader.exitStatus() == 0)
        await broker.shutdown()
        await backend.stop()
    }

    /// From the request to stop on it says that it is not ready, and why, and goes on answering while others find out.
    @Test func givesNoticeBeforeItLeaves() async throws {
        let backend = try await Backend(key: key)
        var environment = try environment(backend, broker: "amqp://a:b@127.0.0.1:1/x")
        environment["FLORIN_DRAIN_NOTICE_SECONDS"] = "20"
        environment["FLORIN_DRAIN_SECONDS"] = "40"
        let gateway = try RunningGateway(environment)
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        gateway.terminate()
        try await eventually("it says that it stops") { try await gateway.admin("/readyz").status == 503 }
        let readiness = try await gateway.admin("/readyz")
        #expect(readiness.body.contains(#""ready":false"#) && readiness.body.contains(#""process":"stopping""#))
        let address = environment["FLORIN_HTTP_LISTEN"] ?? ""
        let answer = try await EventReader(arguments: ["-i", "http://\(address)/openapi.json"]).end()
        #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("Connection: close\r\n"))
        // The second request ends the process at once.
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 1)
        await backend.stop()
    }

    @Test func outlivesAServiceThatGoesAndComes() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(environment(backend, broker: url))
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let token = try Backend.token(key, user: .make())
        #expect(try await gateway.get("/v1/expenses", token: token).status == 200)

        await backend.stop()
        try await eventually("the service is missed") {
            let answer = try await gateway.get("/v1/expenses", token: token)
            return answer.status == 503 && answer.body.contains(#""dependency":"expense""#)
        }
        try await eventually("readiness tells it and holds") {
            let readiness = try await gateway.admin("/readyz")
            return readiness.status == 200 && readiness.body.contains(#""expense":"no connection""#)
        }
        let again = try await Backend(at: backend.address, key: key)
        try await eventually("the service is found") {
            try await gateway.get("/v1/expenses", token: token).status == 200
        }
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await again.stop()
    }

    /// Services can be named, several with one name; those at no address do not matter.
    @Test func findsServicesByTheirNames() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let backend = try await Backend(key: key)
        var environment = try environment(backend, broker: url)
        environment["FLORIN_EXPENSE_GRPC"] = "localhost:\(backend.address.port), 127.0.0.1:1"
        let gateway = try RunningGateway(environment)
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let token = try Backend.token(key, user: .make())
        #expect(try await gateway.get("/v1/expenses", token: token).status == 200)
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }

    @Test func isReadyWithoutABroker() async throws {
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(environment(backend, broker: "amqp://a:b@127.0.0.1:1/x"))
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let readiness = try await gateway.admin("/readyz")
        #expect(readiness.body.contains(#""broker":"not"#) && readiness.body.contains(#""revocations":"ready""#))
        // Without a certificate there is nothing to read again, and no reason to end.
        gateway.hangUp()
        try await eventually("it says so") { gateway.log.contains("nothing to read again") }
        #expect(try await gateway.admin("/readyz").status == 200)
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }

    @Test func isNotReadyWithoutItsServices() async throws {
        let backend = try await Backend(key: key)
        var environment = try environment(backend, broker: "amqp://a:b@127.0.0.1:1/x")
        environment["FLORIN_PORTFOLIO_GRPC"] = "127.0.0.1:1"
        let gateway = try RunningGateway(environment)
        defer { gateway.kill() }
        try await eventually("the keys are there") {
            try await gateway.admin("/readyz").body.contains(#""keys":"ready""#)
        }
        let readiness = try await gateway.admin("/readyz")
        #expect(readiness.status == 503)
        #expect(readiness.body.contains(#""portfolio":"no connection""#) && readiness.body.contains(#""broker":"not"#))
        #expect(try await gateway.admin("/livez").status == 200)
        #expect(try await gateway.get("/.well-known/jwks.json").body.contains(#""kid":"k1""#))
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }

    /// The certificate is read again on SIGHUP; a bad one changes nothing, and no connection is dropped.
    @Test func readsItsCertificateAgain() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let files = try CertificateFiles(in: directory)
        try files.issue("first")
        let backend = try await Backend(key: key)
        var environment = try environment(backend, broker: "amqp://a:b@127.0.0.1:1/x")
        environment["FLORIN_TLS_CERTIFICATE"] = files.certificate
        environment["FLORIN_TLS_KEY"] = files.key
        let gateway = try RunningGateway(environment)
        defer { gateway.kill() }
        let address = environment["FLORIN_HTTP_LISTEN"] ?? ""
        try await eventually("it listens") { try await files.subject(at: address).contains("first") }
        let stream = try EventReader(
            arguments: ["-N", "-k", "-H", "Authorization: Bearer \(try Backend.token(key, user: .make()))"]
                + ["https://\(address)/v1/events/stream"])
        try await eventually("a stream is open") { stream.output.contains(": connected\n\n") }

        try files.issue("second")
        gateway.hangUp()
        try await eventually("the new one is shown") { try await files.subject(at: address).contains("second") }
        try "garbage".write(toFile: files.certificate, atomically: true, encoding: .utf8)
        gateway.hangUp()
        try await eventually("the fault is logged") { gateway.log.contains("the old one stays") }
        #expect(try await files.subject(at: address).contains("second"))
        // A key that is not the certificate's, and a certificate that is gone, are no better.
        try files.issue("third", keepingKey: true)
        gateway.hangUp()
        try await eventually("the fault is logged") { gateway.count(of: "the old one stays") == 2 }
        try FileManager.default.removeItem(atPath: files.certificate)
        gateway.hangUp()
        try await eventually("the fault is logged") { gateway.count(of: "the old one stays") == 3 }
        #expect(try await files.subject(at: address).contains("second"))
        let figures = try await gateway.admin("/metrics").body
        #expect(figures.contains(#"florin_tls_reloads_total{outcome="failed"} 3"#))
        #expect(figures.contains(#"florin_tls_reloads_total{outcome="done"} 1"#))
        let document = try await EventReader(
            arguments: ["-k", "-w", "|%{http_version}", "-o", "/dev/null", "https://\(address)/openapi.json"]
        ).end()
        #expect(document == "|2")

        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        // It was open over both hang-ups, and ends in order with the process.
        #expect(try await stream.exitStatus() == 0)
        await backend.stop()
    }

    @Test func namesCertificatesThatAreNotUsable() async throws {
        let gateway = try RunningGateway(["FLORIN_TLS_CERTIFICATE": "/nowhere", "FLORIN_TLS_KEY": "/nowhere"])
        defer { gateway.kill() }
        #expect(try await gateway.exitStatus() == 78)
        let alone = try RunningGateway(["FLORIN_TLS_CERTIFICATE": "/nowhere"])
        defer { alone.kill() }
        #expect(try await alone.exitStatus() == 78)
        try await eventually("both faults are named") {
            gateway.log.contains("FLORIN_TLS_CERTIFICATE is not usable") && gateway.log.contains("FLORIN_AMQP_URL")
                && alone.log.contains("FLORIN_TLS_KEY must be set")
        }
    }

    @Test func namesWhatIsWrongWithItsConfiguration() async throws {
        let gateway = try RunningGateway([
            "FLORIN_HTTP_LISTEN": "nowhere", "FLORIN_RATE_LIMIT_USER": "0", "FLORIN_AUTH_GRPC": "auth",
            "FLORIN_EXPENSE_GRPC": "127.0.0.1:8082,1.2.3:80", "FLORIN_PORTFOLIO_GRPC": "a b:80, [::1:80",
            "FLORIN_TRUSTED_PROXIES": "::1, 10.0.0.1/8", "FLORIN_PROXY_FIELD": "X-Real-IP",
        ])
        defer { gateway.kill() }
        #expect(try await gateway.exitStatus() == 78)
        try await eventually("every fault is named") {
            [
                "FLORIN_AMQP_URL", "FLORIN_HTTP_LISTEN", "FLORIN_RATE_LIMIT_USER", "FLORIN_AUTH_GRPC",
                "FLORIN_EXPENSE_GRPC", "FLORIN_PORTFOLIO_GRPC", "FLORIN_TRUSTED_PROXIES", "FLORIN_PROXY_FIELD",
            ].allSatisfy(gateway.log.contains)
        }
    }
}
