import AuthDomain
import AuthInfrastructure
import Chronology
import Contracts
import EventLoop
import Foundation
import Postgres
import Secrets
import ServersTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct KeyRotationTests {
    private static let overlap = Duration.seconds(600)

    /// Signing keys and their store as each instance of the service has them.
    private func instances(
        _ count: Int, _ bench: AuthBench, _ body: ([(keys: SigningKeys, store: SigningKeyStore)]) async throws -> Void
    ) async throws {
        let threads = OffloadPool(name: "keys", threads: 2, queueLimit: 32)
        defer { threads.shutdown() }
        try await bench.pool.query("DELETE FROM signing_keys")
        let masterKey = try MasterKey(base64: Base64.encode(randomBytes(32)))
        let made = (0..<count).map { _ in
            (
                SigningKeys(issuer: AuthBench.issuer, threads: threads, clock: bench.clock),
                SigningKeyStore(pool: bench.pool, masterKey: masterKey, threads: threads)
            )
        }
        for (keys, store) in made { try await store.load(into: keys, at: bench.clock.now()) }
        try await body(made)
    }

    @Test func instancesThatRotateTogetherMakeOneKeyAndAgree() async throws {
        try await AuthBench.with { bench in
            try await instances(3, bench) { instances in
                let old = instances[0].keys.publishedKeys
                let now = bench.clock.now()
                let made = try await concurrently(3) { number in
                    try await instances[number].store.rotate(at: now, overlap: Self.overlap)
                }
                let key = try #require(made.compactMap(\.self).first)
                #expect(made.compactMap(\.self).count == 1 && key.signsFrom == now + Self.overlap)
                // Who has not looked yet goes on with what it has.
                #expect(instances[1].keys.publishedKeys == old)
                for (keys, store) in instances {
                    try await store.load(into: keys, at: now)
                    #expect(keys.publishedKeys.map(\.id) == old.map(\.id) + [key.id])
                }
                bench.clock.advance(by: Self.overlap)
                for (keys, _) in instances { #expect(keys.publishedKeys.map(\.id) == [key.id] + old.map(\.id)) }
                bench.clock.advance(by: .seconds(961))
                for (keys, _) in instances { #expect(keys.publishedKeys.map(\.id) == [key.id]) }
                #expect(try await instances[0].store.removeOver(at: bench.clock.now()) == 1)
                #expect(try await instances[1].store.removeOver(at: bench.clock.now()) == 0)
                #expect(try await bench.pool.query("SELECT id FROM signing_keys").first(as: String.self) == key.id)
            }
        }
    }

    @Test func theScheduleMakesAKeyWhenTheNewestIsOldAndNoneIsWaiting() async throws {
        try await AuthBench.with { bench in
            try await instances(1, bench) { instances in
                let store = instances[0].store
                let month = Duration.seconds(30 * 86_400)
                let interval = Self.overlap
                // By the schedule; then by an operator, who, too, waits for the key that is on its way.
                let steps: [(wait: Duration, isScheduled: Bool, isMade: Bool)] = [
                    (.zero, true, false), (month, true, true), (.zero, true, false), (.zero, false, false),
                    (interval, false, true), (.zero, true, false),
                ]
                for (place, step) in steps.enumerated() {
                    bench.clock.advance(by: step.wait)
                    let made = try await store.rotate(
                        at: bench.clock.now(), overlap: interval, ifOlderThan: step.isScheduled ? month : .zero)
                    #expect((made != nil) == step.isMade, "step \(place)")
                }
            }
        }
    }

    /// Signed by one key and verified by what was published an overlap earlier, rotation after rotation.
    @Test func everyTokenIsVerifiedByKeysThatWerePublishedBefore() async throws {
        try await AuthBench.with { bench in
            try await instances(2, bench) { instances in
                var signers: Set<String> = []
                for _ in 0..<4 {
                    let known = Set(instances[0].keys.publishedKeys.map(\.id))
                    let token = try await instances[1].keys.token(
                        for: .init(userID: .make(), sessionID: .make(), roles: [.user]), at: bench.clock.now())
                    let header = try Base64URL.decode(String(token.prefix { $0 != "." }))
                    let kid = try #require(
                        try JSONSerialization.jsonObject(with: Data(header)) as? [String: String])["kid"]
                    #expect(known.contains(try #require(kid)))
                    signers.insert(try #require(kid))
                    try await instances[1].store.rotate(at: bench.clock.now(), overlap: Self.overlap)
                    for (keys, store) in instances { try await store.load(into: keys, at: bench.clock.now()) }
                    bench.clock.advance(by: Self.overlap)
                }
                #expect(signers.count == 4)
            }
        }
    }
}

/// The programs as they are run, with keys that are replaced all the time.
@Suite(.timeLimit(.minutes(10))) struct RotationUnderLoadTests {
    private struct Outcome: Decodable {
        let requests: Int
        let failures: [String]
        let signers: Int
    }

    @Test func losesNoRequest() async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let http = try freeAddress()
        var environment = [
            "FLORIN_DATABASE_URL": try #require(databases["auth"]),
            "FLORIN_AMQP_URL": try await TestRabbitMQ.shared().makeVirtualHost(),
            "FLORIN_MASTER_KEY": Base64.encode(randomBytes(32)),
            "FLORIN_SEAL_PUBLIC_KEY": try SealedBox.PrivateKey().publicKey.base64,
            "FLORIN_GRPC_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
            "FLORIN_KEY_OVERLAP_SECONDS": "4", "FLORIN_PUBLIC_URL": "http://\(http)",
        ]
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        let service = try Executable(["serve"], environment)
        defer { service.kill() }
        try await service.wait("ready") { $0.contains("\"message\":\"ready\"") }
        let gateway = try Executable(
            ["serve"],
            [
                "FLORIN_HTTP_LISTEN": http, "FLORIN_PUBLIC_URL": "http://\(http)", "FLORIN_KEY_CACHE_SECONDS": "1",
                "FLORIN_AUTH_GRPC": try #require(environment["FLORIN_GRPC_LISTEN"]),
                "FLORIN_AMQP_URL": try #require(environment["FLORIN_AMQP_URL"]),
                "FLORIN_ADMIN_LISTEN": try freeAddress(), "FLORIN_RATE_LIMIT_USER": "1000000",
                "FLORIN_RATE_LIMIT_ANONYMOUS": "1000000", "FLORIN_RATE_LIMIT_SIGN_IN": "1000000",
            ], program: "gateway")
        defer { gateway.kill() }
        try await gateway.wait("keys are fetched") { $0.contains("\"message\":\"keys fetched\"") }
        let load = try start(http)
        environment["FLORIN_ADMIN_LISTEN"] = try freeAddress()
        for _ in 0..<3 {
            // Refused while the key before it is not signing yet.
            let deadline = ContinuousClock.now + patience
            while try await Executable.run(["rotate-keys"], environment).status != 0 {
                try #require(ContinuousClock.now < deadline, "a key could be made")
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        let outcome = try finish(load)
        #expect(outcome.failures.isEmpty, "\(outcome.failures.prefix(5))")
        #expect(outcome.requests > 100 && outcome.signers >= 3, "\(outcome)")
    }

    private func start(_ address: String) throws -> (process: Process, input: Pipe, output: Pipe) {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [root.appending(path: "Interop/jwt/rotation_load.py").path(), address]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        return (process, input, output)
    }

    /// The load goes on until its input ends.
    private func finish(_ load: (process: Process, input: Pipe, output: Pipe)) throws -> Outcome {
        try load.input.fileHandleForWriting.close()
        let answer = try #require(try load.output.fileHandleForReading.readToEnd())
        load.process.waitUntilExit()
        return try JSONDecoder().decode(Outcome.self, from: answer)
    }
}
