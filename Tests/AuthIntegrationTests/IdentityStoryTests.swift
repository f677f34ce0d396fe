import Chronology
import Foundation
import OneTimeCodes
import Secrets
import ServersTesting
import Testing

/// Second factor, API tokens and administration through the public API, with a gateway that hears events and one that has no broker.
@Suite(.timeLimit(.minutes(10))) struct IdentityStoryTests {
    private static let password = "a long enough sentence"

    /// The programs as they are run.
    private struct System {
        let hearing: PublicAPI
        let deaf: PublicAPI
    }

    private func with(_ body: (System) async throws -> Void) async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let environment = [
            "FLORIN_DATABASE_URL": try #require(databases["auth"]),
            "FLORIN_AMQP_URL": try await TestRabbitMQ.shared().makeVirtualHost(),
            "FLORIN_MASTER_KEY": Base64.encode(randomBytes(32)),
            "FLORIN_SEAL_PUBLIC_KEY": try SealedBox.PrivateKey().publicKey.base64,
            "FLORIN_GRPC_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
            "FLORIN_PUBLIC_URL": "http://florin.test",
        ]
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        try createAdministrator(environment)
        let service = try Executable(["serve"], environment)
        defer { service.kill() }
        try await service.wait("ready") { $0.contains("\"message\":\"ready\"") }
        var gateways: [Executable] = []
        defer { for gateway in gateways { gateway.kill() } }
        for broker in [environment["FLORIN_AMQP_URL"] ?? "", "amqp://a:b@127.0.0.1:1/x"] {
            let settings = [
                "FLORIN_HTTP_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
                "FLORIN_PUBLIC_URL": "http://florin.test", "FLORIN_AMQP_URL": broker,
                "FLORIN_AUTH_GRPC": environment["FLORIN_GRPC_LISTEN"] ?? "", "FLORIN_RATE_LIMIT_ANONYMOUS": "1000000",
                "FLORIN_RATE_LIMIT_SIGN_IN": "1000000", "FLORIN_RATE_LIMIT_USER": "1000000",
            ]
            gateways.append(try Executable(["serve"], settings, program: "gateway"))
        }
        for gateway in gateways {
            try await gateway.wait("keys are fetched") { $0.contains("\"message\":\"keys fetched\"") }
        }
        let apis = gateways.map { PublicAPI(address: $0.environment["FLORIN_HTTP_LISTEN"] ?? "") }
        try await body(System(hearing: apis[0], deaf: apis[1]))
    }

    private func createAdministrator(_ environment: [String: String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "auth-service")
        process.arguments = ["create-admin", "root@example.org"]
        process.environment = environment
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data("\(Self.password)\n".utf8))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test func holdsAtEveryGateway() async throws {
        try await with { system in
            let (api, root) = (system.hearing, try await logIn(system.hearing, "root@example.org").access)
            let registration = [
                "email": "ada@example.org", "password": Self.password, "display_name": "Ada",
            ]
            let user = try #require(try await api.post("/v1/auth/register", registration).json["id"] as? String)
            let first = try await logIn(api, "ada@example.org")
            for gateway in [system.hearing, system.deaf] {
                #expect(try await gateway.get("/v1/users/me", first.access).status == 200)
            }
            let codes = try await secondFactor(system, first.access)
            try await apiToken(system, first.access)

            #expect(try await api.post("/v1/auth/logout", [:], first.access).status == 204)
            try await isRefusedEverywhere(first.access, system)
            try await lock(system, user, root: root, codes: codes)
            try await roles(system, user, root: root, codes: codes)
        }
    }

    /// Turns it on; the recovery codes.
    private func secondFactor(_ system: System, _ access: String) async throws -> [String] {
        let api = system.hearing
        let proof = ["password": Self.password]
        let wrong = try await api.post("/v1/auth/mfa/totp", ["password": "another sentence"], access)
        #expect(wrong.status == 403 && wrong.json["code"] as? String == "wrong_password")
        let secret = try #require(try await api.post("/v1/auth/mfa/totp", proof, access).json["secret"] as? String)
        let bytes = try Base32Reader.decode(secret)
        let step = OneTimeCode.step(atSecond: SystemClock().now().secondsSinceEpoch)
        let confirmation = try await api.post(
            "/v1/auth/mfa/totp/confirm", ["code": OneTimeCode.make(secret: bytes, step: step)], access)
        let codes = try #require(confirmation.json["codes"] as? [String])

        let login = try await api.post("/v1/auth/login", ["email": "ada@example.org", "password": Self.password])
        #expect(login.status == 200 && Set(login.json.keys) == ["mfa_required", "mfa_challenge", "methods"])
        let challenge = try #require(login.json["mfa_challenge"] as? String)
        let used = try await system.deaf.post(
            "/v1/auth/login/mfa", ["mfa_challenge": challenge, "code": OneTimeCode.make(secret: bytes, step: step)])
        #expect(used.status == 401 && used.json["code"] as? String == "invalid_mfa_code")
        // The code of the next step is good already, for clocks that are fast.
        let next = try OneTimeCode.make(
            secret: bytes, step: OneTimeCode.step(atSecond: SystemClock().now().secondsSinceEpoch) + 1)
        let done = try await system.deaf.post("/v1/auth/login/mfa", ["mfa_challenge": challenge, "code": next])
        let token = try #require(done.json["access_token"] as? String)
        #expect(try await api.get("/v1/users/me", token).json["mfa_enabled"] as? Bool == true)
        return codes
    }

    private func apiToken(_ system: System, _ access: String) async throws {
        let made = try await system.hearing.post(
            "/v1/auth/api-tokens", ["name": "script", "scopes": ["profile:read"]] as [String: Any], access)
        #expect(made.status == 201)
        let token = try #require(made.json["token"] as? String)
        for gateway in [system.hearing, system.deaf] {
            #expect(try await gateway.get("/v1/users/me", token).status == 200)
            #expect(try await gateway.get("/v1/expenses", token).json["code"] as? String == "insufficient_scope")
            let more = try await gateway.post(
                "/v1/auth/api-tokens", ["name": "more", "scopes": ["profile:read"]] as [String: Any], token)
            #expect(more.status == 403 && more.json["code"] as? String == "no_session")
        }
        let id = try #require(made.json["id"] as? String)
        #expect(try await system.deaf.call("DELETE", "/v1/auth/api-tokens/\(id)", access).status == 204)
        try await isRefusedEverywhere(token, system)
    }

    private func lock(_ system: System, _ user: String, root: String, codes: [String]) async throws {
        let api = system.hearing
        let tokens = try await logIn(api, "ada@example.org", code: codes[0])
        let script = try await api.post(
            "/v1/auth/api-tokens", ["name": "script", "scopes": ["profile:read"]] as [String: Any], tokens.access)
        let apiToken = try #require(script.json["token"] as? String)
        for token in [tokens.access, apiToken] {
            #expect(try await system.deaf.get("/v1/users/me", token).status == 200)
        }
        let refused = try await api.call("PATCH", "/v1/admin/users/\(user)", tokens.access, ["status": "locked"])
        #expect(refused.status == 403)
        let stale = try await api.call(
            "PATCH", "/v1/admin/users/\(user)", root, ["status": "locked"], headers: ["If-Match: \"99\""])
        #expect(stale.status == 412)
        let locked = try await api.call("PATCH", "/v1/admin/users/\(user)", root, ["status": "locked"])
        #expect(locked.status == 200 && locked.json["status"] as? String == "locked")
        try await isRefusedEverywhere(tokens.access, system)
        try await isRefusedEverywhere(apiToken, system)
        let right = try await api.post("/v1/auth/login", ["email": "ada@example.org", "password": Self.password])
        #expect(right.status == 403 && right.json["code"] as? String == "account_locked")
        let wrong = try await api.post("/v1/auth/login", ["email": "ada@example.org", "password": "wrong sentence"])
        #expect(wrong.status == 401 && wrong.json["code"] as? String == "invalid_credentials")
    }

    private func roles(_ system: System, _ user: String, root: String, codes: [String]) async throws {
        let api = system.hearing
        #expect(try await api.call("PATCH", "/v1/admin/users/\(user)", root, ["status": "active"]).status == 200)
        let tokens = try await logIn(api, "ada@example.org", code: codes[1])
        #expect(try await system.deaf.get("/v1/admin/users", tokens.access).status == 403)
        let given = try await api.call("PATCH", "/v1/admin/users/\(user)", root, ["roles": ["admin"]])
        #expect(given.json["roles"] as? [String] == ["user", "admin"])
        try await isRefusedEverywhere(tokens.access, system)
        let refreshed = try await api.post("/v1/auth/refresh", ["refresh_token": tokens.refresh])
        let access = try #require(refreshed.json["access_token"] as? String)
        for gateway in [system.hearing, system.deaf] {
            let list = try await gateway.get("/v1/admin/users", access)
            #expect((list.json["data"] as? [Any])?.count == 2)
        }
    }

    private func logIn(
        _ api: PublicAPI, _ email: String, code: String? = nil
    ) async throws -> (access: String, refresh: String) {
        var answer = try await api.post("/v1/auth/login", ["email": email, "password": Self.password])
        if let code {
            let challenge = try #require(answer.json["mfa_challenge"] as? String)
            answer = try await api.post("/v1/auth/login/mfa", ["mfa_challenge": challenge, "code": code])
        }
        return (
            try #require(answer.json["access_token"] as? String), try #require(answer.json["refresh_token"] as? String)
        )
    }

    /// Waits until every gateway refuses a token. The promise is five seconds; the deadline is for a machine that is far too slow.
    private func isRefusedEverywhere(
        _ token: String, _ system: System, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let end = ContinuousClock.now + patience
        for gateway in [system.hearing, system.deaf] {
            while try await gateway.get("/v1/users/me", token).status != 401 {
                try #require(ContinuousClock.now < end, sourceLocation: sourceLocation)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// The public API by curl, which shares no code with the servers.
struct PublicAPI {
    struct Answer {
        let status: Int
        let json: [String: Any]
    }

    let address: String

    func get(_ path: String, _ token: String? = nil) async throws -> Answer { try await call("GET", path, token) }

    func post(_ path: String, _ body: [String: Any], _ token: String? = nil) async throws -> Answer {
        try await call("POST", path, token, body)
    }

    func call(
        _ method: String, _ path: String, _ token: String? = nil, _ body: [String: Any] = [:], headers: [String] = []
    ) async throws -> Answer {
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/curl")
        var arguments = ["--silent", "--noproxy", "*", "--max-time", "30", "-w", "\n%{http_code}", "-X", method]
        if let token { arguments += ["-H", "Authorization: Bearer \(token)"] }
        for header in headers { arguments += ["-H", header] }
        if !body.isEmpty {
            let json = try JSONSerialization.data(withJSONObject: body)
            arguments += ["-H", "Content-Type: application/json", "-d", String(decoding: json, as: UTF8.self)]
        }
        curl.arguments = arguments + ["http://\(address)\(path)"]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        curl.waitUntilExit()
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? bytes.startIndex
        let status = Int(String(decoding: bytes[end...].dropFirst(), as: UTF8.self)) ?? 0
        let json = try? JSONSerialization.jsonObject(with: bytes[..<end]) as? [String: Any]
        return Answer(status: status, json: json ?? [:])
    }
}
