import AuthTesting
import Chronology
import CloudEvents
import Contracts
import Foundation
import GRPC
import Postgres
import Secrets
import ServersTesting
import ServiceRuntime
import Testing
import Validation

@Suite(.timeLimit(.minutes(5))) struct AdministrationTests {
    @Test func lockingTakesAnAccountOutOfUse() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let locked = try await bench.admin.updateUser(
                UpdateUserRequest(id: user.id, status: "locked"), metadata: admin, timeout: patience
            ).message
            #expect(locked.status == "locked" && locked.version == 2 && locked.roles == ["user"])

            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.code == "invalid_refresh_token")
            let right = await problem { _ = try await bench.logIn("ada@example.org") }
            #expect(right?.status == 403 && right?.code == "account_locked")
            let wrong = await problem { _ = try await bench.logIn("ada@example.org", "wrong horse") }
            #expect(wrong?.status == 401 && wrong?.code == "invalid_credentials")

            let events = try await bench.events(of: user.id)
            #expect(
                try await bench.names(of: user.id).suffix(2) == ["auth.sessions_revoked", "auth.user_updated"])
            let revoked = try SessionsRevokedV1(decoding: try #require(events[3].jsonData))
            #expect(revoked.sessionIDs == [tokens.sessionID] && revoked.reason == "revoked")
            let updated = try UserUpdatedV1(decoding: try #require(events[4].jsonData))
            #expect(updated.status == "locked" && updated.userID == user.id && updated.email == "ada@example.org")

            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user.id, status: "active"), metadata: admin, timeout: patience)
            _ = try await bench.logIn("ada@example.org")
        }
    }

    @Test func rolesComeWithTheNextTokens() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            #expect(try Caller(bench.caller(tokens)).roles == ["user"])
            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user.id, roles: ["admin"]), metadata: admin, timeout: patience)
            let next = try await bench.refresh(tokens.refreshToken)
            #expect(try Caller(bench.caller(next)).roles == ["user", "admin"])
            let seen = try await bench.admin.getUser(
                GetUserRequest(id: user.id), metadata: bench.caller(next), timeout: patience
            ).message
            #expect(seen.roles == ["user", "admin"] && seen.email == "ada@example.org" && !seen.mfaEnabled)
        }
    }

    @Test func anAdministratorWhoIsNoneAnyMoreMayNothing() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let second = try await bench.administrator("second@example.org")
            let id = try Caller(admin).userID.description
            let update = UpdateUserRequest(id: id, roles: ["user"])
            _ = try await bench.admin.updateUser(update, metadata: second, timeout: patience)
            // The old token still says otherwise.
            #expect(
                await problem {
                    _ = try await bench.admin.updateUser(update, metadata: admin, timeout: patience)
                }?.status == 403)
        }
    }

    @Test func theLastAdministratorStays() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let id = try Caller(admin).userID.description
            for update in [UpdateUserRequest(id: id, status: "locked"), UpdateUserRequest(id: id, roles: ["user"])] {
                let refused = await problem {
                    _ = try await bench.admin.updateUser(update, metadata: admin, timeout: patience)
                }
                #expect(refused?.status == 409 && refused?.code == "last_administrator")
            }
        }
    }

    @Test func everythingIsForAdministrators() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let caller = try bench.caller(try await bench.logIn("ada@example.org"))
            let id = try UUIDv7(parsing: user.id)
            let token = Caller(userID: id, roles: ["user", "admin"]).metadata
            for (metadata, code) in [(caller, "forbidden"), (token, "no_session"), (GRPCMetadata(), "unauthenticated")]
            {
                for call: @Sendable () async throws -> Void in [
                    { _ = try await bench.admin.listUsers(ListUsersRequest(), metadata: metadata, timeout: patience) },
                    {
                        _ = try await bench.admin.getUser(
                            GetUserRequest(id: user.id), metadata: metadata, timeout: patience)
                    },
                    {
                        _ = try await bench.admin.updateUser(
                            UpdateUserRequest(id: user.id, roles: ["admin"]), metadata: metadata, timeout: patience)
                    },
                ] { #expect(await problem(call)?.code == code) }
            }
        }
    }

    @Test func aStaleChangeIsRefused() async throws {
        try await AuthBench.with { bench in
            var admin = try await bench.administrator()
            let user = try await bench.register("ada@example.org").message
            admin[VersionPrecondition.metadataName] = "2"
            let update = UpdateUserRequest(id: user.id, status: "locked")
            let stale = await problem {
                _ = try await bench.admin.updateUser(update, metadata: admin, timeout: patience)
            }
            #expect(stale?.status == 412 && stale?.code == "precondition_failed")
            admin[VersionPrecondition.metadataName] = "1"
            _ = try await bench.admin.updateUser(update, metadata: admin, timeout: patience)
        }
    }

    @Test func saysWhatIsWrong() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let user = try await bench.register("ada@example.org").message
            let refused = await problem {
                _ = try await bench.admin.updateUser(
                    UpdateUserRequest(id: user.id, status: "gone", roles: ["user", "king"]), metadata: admin,
                    timeout: patience)
            }
            #expect(refused?.status == 422)
            #expect(
                refused?.errors.map { "\($0.field) \($0.code)" } == ["status unknown_value", "roles.1 unknown_value"])
            for id in ["", "x", UUIDv7.make().description] {
                let unknown = await problem {
                    _ = try await bench.admin.getUser(GetUserRequest(id: id), metadata: admin, timeout: patience)
                }
                #expect(unknown?.status == 404)
            }
            let list = await problem {
                _ = try await bench.admin.listUsers(
                    ListUsersRequest(limit: 0, status: "gone", email: "x"), metadata: admin, timeout: patience)
            }
            #expect(list?.errors.map(\.field) == ["limit", "status", "email"])
        }
    }

    @Test func listsAndFinds() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            for number in 0..<3 { _ = try await bench.register("u\(number)@example.org") }
            let first = try await bench.admin.listUsers(
                ListUsersRequest(limit: 2), metadata: admin, timeout: patience
            ).message
            let rest = try await bench.admin.listUsers(
                ListUsersRequest(limit: 2, cursor: first.nextCursor), metadata: admin, timeout: patience
            ).message
            #expect(
                (first.data + rest.data).map(\.email)
                    == ["u2@example.org", "u1@example.org", "u0@example.org", "root@example.org"])
            #expect(rest.nextCursor == nil)
            let found = try await bench.admin.listUsers(
                ListUsersRequest(email: "U1@example.org"), metadata: admin, timeout: patience
            ).message
            #expect(found.data.map(\.email) == ["u1@example.org"])
        }
    }
}

/// `auth-service create-admin`, as an operator runs it.
@Suite(.timeLimit(.minutes(5))) struct CreateAdminTests {
    @Test func makesTheFirstAdministrator() async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let environment = [
            "FLORIN_DATABASE_URL": try #require(databases["auth"]),
            "FLORIN_AMQP_URL": "amqp://a:b@127.0.0.1:1/x",
            "FLORIN_MASTER_KEY": Base64.encode(randomBytes(32)),
            "FLORIN_SEAL_PUBLIC_KEY": try SealedBox.PrivateKey().publicKey.base64,
            "FLORIN_ADMIN_LISTEN": try freeAddress(),
        ]
        #expect(try await Executable.run(["migrate"], environment).status == 0)
        let short = try run(["create-admin", "root@example.org"], environment, input: "short\n")
        #expect(short.status == 1 && short.output.contains("password must have at least 8 characters"))
        let made = try run(["create-admin", "root@example.org"], environment, input: "a long enough sentence\nrest")
        #expect(made.status == 0 && made.output.contains("was made and is an administrator"))
        let again = try run(["create-admin", "ROOT@example.org"], environment, input: "")
        #expect(again.status == 0 && again.output.hasSuffix(" is an administrator\n"))
        #expect(!again.output.contains("was made"))
        #expect(try run(["create-admin"], environment, input: "").status == 64)
        #expect(try run(["create-admin", "nobody"], environment, input: "").status == 1)

        try await AuthBench.with(url: environment["FLORIN_DATABASE_URL"]) { bench in
            let roles = try await bench.pool.query("SELECT email, roles FROM users").map { row in
                try row.decode(String.self, [String].self)
            }
            #expect(roles.count == 1 && roles[0] == ("root@example.org", ["user", "admin"]))
        }
    }

    private func run(
        _ arguments: [String], _ environment: [String: String], input text: String
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "auth-service")
        process.arguments = arguments
        process.environment = environment
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }
}

@Suite(.timeLimit(.minutes(5))) struct PostgresAdminStoreTests {
    @Test(arguments: AdminStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: AdminStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await AdminStoreConformance(
                accounts: bench.repository, sessions: bench.repository, store: bench.repository
            ) { user in try await AuthBench.recorded(of: user.description, in: pool) }.run(check)
        }
    }
}
