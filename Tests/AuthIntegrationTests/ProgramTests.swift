import AuthAPI
import Contracts
import EventLoop
import Foundation
import GRPC
import Secrets
import ServersTesting
import Synchronization
import Testing

/// The executable itself, as an operator runs it.
@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
    @Test func migratesServesAndStops() async throws {
        let environment = try await environment()
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        let service = try Executable(["serve"], environment)
        defer { service.kill() }
        try await service.wait("ready") { $0.contains("\"message\":\"ready\"") }
        try await call(service) { client in
            let registration = RegisterRequest(
                email: "ada@example.org", password: AuthBench.password, displayName: "Ada")
            let user = try await client.register(registration, timeout: patience).message
            let tokens = try await client.login(
                LoginRequest(email: "ada@example.org", password: AuthBench.password), timeout: patience
            ).message
            #expect(user.email == "ada@example.org" && tokens.accessToken?.isEmpty == false)
            #expect(try await client.getKeySet(Empty(), timeout: patience).message.keys.count == 1)
        }
        try await service.wait("both events are relayed") { _ in
            try await service.metric("florin_outbox_published_total") == "3"
        }
        service.terminate()
        #expect(try await service.exitStatus() == 0)
        #expect(!service.log.contains("ada@example.org") && !service.log.contains(AuthBench.password))
    }

    @Test func aForeignMasterKeyEndsTheStart() async throws {
        var environment = try await environment()
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        let first = try Executable(["serve"], environment)
        defer { first.kill() }
        try await first.wait("ready") { $0.contains("\"message\":\"ready\"") }
        first.terminate()
        #expect(try await first.exitStatus() == 0)
        environment["FLORIN_MASTER_KEY"] = Base64.encode(randomBytes(32))
        let second = try await Executable.run(["serve"], environment)
        #expect(second.status == 1)
        #expect(second.log.contains("FLORIN_MASTER_KEY does not open signing key"))
    }

    @Test func namesWhatIsMissing() async throws {
        let run = try await Executable.run(["serve"], ["FLORIN_MASTER_KEY": "c2hvcnQ="])
        #expect(run.status == 78)
        for key in ["FLORIN_DATABASE_URL", "FLORIN_AMQP_URL", "FLORIN_SEAL_PUBLIC_KEY", "FLORIN_MASTER_KEY is not"] {
            #expect(run.log.contains(key))
        }
        #expect(!run.log.contains("c2hvcnQ="))
    }

    private func environment() async throws -> [String: String] {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        return [
            "FLORIN_DATABASE_URL": try #require(databases["auth"]),
            "FLORIN_AMQP_URL": try await TestRabbitMQ.shared().makeVirtualHost(),
            "FLORIN_MASTER_KEY": Base64.encode(randomBytes(32)),
            "FLORIN_SEAL_PUBLIC_KEY": try SealedBox.PrivateKey().publicKey.base64,
            "FLORIN_GRPC_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
        ]
    }

    private func call(
        _ service: Executable, _ body: (AuthServiceClient) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "client")
        loop.start()
        let address = try SocketAddress(parsing: try #require(service.environment["FLORIN_GRPC_LISTEN"]))
        let channel = GRPCChannel(loop: loop, targets: [address])
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(AuthServiceClient(channel: channel)))
        } catch {
            outcome = .failure(error)
        }
        await channel.shutdown()
        await loop.shutdown()
        try outcome.get()
    }
}
