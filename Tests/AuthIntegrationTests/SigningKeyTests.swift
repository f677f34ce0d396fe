import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import EventLoop
import Foundation
import Observability
import Postgres
import Secrets
import Testing
import TestKit

@Suite(.timeLimit(.minutes(5))) struct SigningKeyTests {
    /// Loads keys as a start of the service does.
    private func start(_ bench: AuthBench, _ masterKey: MasterKey) async throws -> SigningKeys {
        let threads = OffloadPool(name: "keys", threads: 2, queueLimit: 8)
        defer { threads.shutdown() }
        let keys = SigningKeys(issuer: AuthBench.issuer, threads: threads)
        try await SigningKeyStore(pool: bench.pool, masterKey: masterKey, threads: threads)
            .load(into: keys, at: bench.clock.now())
        return keys
    }

    private func masterKey() throws -> MasterKey { try MasterKey(base64: Base64.encode(randomBytes(32))) }

    private func forget(_ bench: AuthBench) async throws { try await bench.pool.query("DELETE FROM signing_keys") }

    @Test func keysSurviveARestart() async throws {
        try await AuthBench.with { bench in
            try await forget(bench)
            let masterKey = try masterKey()
            let first = try await start(bench, masterKey).publishedKeys
            #expect(first.count == 1 && first[0].exponent == "AQAB")
            #expect(try Base64URL.decode(first[0].modulus).count == 384)
            #expect(try await start(bench, masterKey).publishedKeys == first)
        }
    }

    @Test func instancesThatStartTogetherMakeOneKey() async throws {
        try await AuthBench.with { bench in
            try await forget(bench)
            let masterKey = try masterKey()
            let keys = try await concurrently(4) { _ in try await start(bench, masterKey).publishedKeys }
            #expect(Set(keys).count == 1 && keys[0].count == 1)
            #expect(try await bench.pool.query("SELECT count(*) FROM signing_keys").first(as: Int.self) == 1)
        }
    }

    @Test func anotherMasterKeyIsAClearError() async throws {
        try await AuthBench.with { bench in
            let error = await #expect(throws: SigningKeyError.self) { try await start(bench, masterKey()) }
            #expect(error?.keyID == bench.keys.publishedKeys[0].id)
            #expect(error?.description.hasPrefix("FLORIN_MASTER_KEY does not open signing key") == true)
        }
    }

    @Test func aKeyUnderAnothersNameIsNotUsed() async throws {
        try await AuthBench.with { bench in
            try await forget(bench)
            let masterKey = try masterKey()
            _ = try await start(bench, masterKey)
            try await bench.pool.query("UPDATE signing_keys SET id = 'another'")
            let error = await #expect(throws: SigningKeyError.self) { try await start(bench, masterKey) }
            #expect(error?.keyID == "another")
        }
    }

    @Test func theStoredKeyIsSealed() async throws {
        try await AuthBench.with { bench in
            let stored = try await bench.pool.query("SELECT sealed_key FROM signing_keys").first(as: [UInt8].self)
            // A PKCS #8 structure begins with a sequence of three, and holds the identifier of RSA.
            let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
            #expect(stored.count > 1500 && stored.firstRange(of: rsa) == nil)
        }
    }

    @Test func loadingWaitsForTheSchema() async throws {
        try await AuthBench.with { bench in
            try await bench.pool.query("ALTER TABLE signing_keys RENAME TO away")
            let threads = OffloadPool(name: "keys", threads: 1, queueLimit: 8)
            defer { threads.shutdown() }
            let keys = SigningKeys(issuer: AuthBench.issuer, threads: threads)
            let store = SigningKeyStore(pool: bench.pool, masterKey: try masterKey(), threads: threads)
            let loader = SigningKeyLoader(keys: keys, store: store, logger: .silent)
            try await loader.load()
            #expect(keys.publishedKeys.isEmpty)
            try await bench.pool.batch(["ALTER TABLE away RENAME TO signing_keys", "DELETE FROM signing_keys"])
            await loader.loadEventually { try await bench.loop.sleep(for: .milliseconds(5)) }
            #expect(keys.publishedKeys.count == 1)
        }
    }

    @Test func aForeignKeyDoesNotKeepItTrying() async throws {
        try await AuthBench.with { bench in
            let threads = OffloadPool(name: "keys", threads: 1, queueLimit: 8)
            defer { threads.shutdown() }
            let keys = SigningKeys(issuer: AuthBench.issuer, threads: threads)
            let store = SigningKeyStore(pool: bench.pool, masterKey: try masterKey(), threads: threads)
            await SigningKeyLoader(keys: keys, store: store, logger: .silent).loadEventually {}
            #expect(keys.publishedKeys.isEmpty)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct PyJWTTests {
    private struct Claims: Decodable {
        let iss, aud, sub, sid, jti, scope: String
        let roles: [String]
        let iat, exp: Int64
    }

    private struct Verdict: Decodable {
        let claims: Claims?
        let refused: String?
    }

    private struct Answer: Decodable { let verdicts: [String: Verdict] }

    @Test func verifiesALoginByTheKeySet() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let keySet = try await bench.client.getKeySet(Empty(), timeout: patience).message
            let answer = try await judge(keySet, ["login": tokens.accessToken, "other": tokens.refreshToken])
            let claims = try #require(answer.verdicts["login"]?.claims, "\(answer.verdicts["login"]?.refused ?? "")")
            #expect(claims.sub == user.id && claims.sid == tokens.sessionID && claims.iss == AuthBench.issuer)
            #expect(claims.aud == "florin" && claims.roles == ["user"] && claims.exp == claims.iat + 900)
            #expect(claims.scope.split(separator: " ").contains("expenses:write"))
            #expect(answer.verdicts["other"]?.refused != nil)
        }
    }

    private func judge(_ keySet: Contracts.KeySet, _ tokens: [String: String]) async throws -> Answer {
        try await Python.answer(
            "jwt/pyjwt_judge.py",
            to: [
                "jwks": try JSONSerialization.jsonObject(with: Data(keySet.json())), "issuer": AuthBench.issuer,
                "audience": "florin", "tokens": tokens,
            ])
    }
}
