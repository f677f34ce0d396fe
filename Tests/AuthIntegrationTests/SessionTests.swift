import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Postgres
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(5))) struct LoginTests {
    @Test func theRightPasswordBeginsASession() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ADA@example.org", device: "Firefox/140")
            #expect(tokens.tokenType == "Bearer" && tokens.expiresIn == 900 && tokens.refreshExpiresIn == 604_800)
            #expect(tokens.refreshToken.utf8.count == 43)
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try UserLoggedInV1(decoding: try #require(event.jsonData))
            #expect(event.sequence == 3 && payload.sessionID == tokens.sessionID && payload.userID == user.id)
            #expect(payload.device == "Firefox/140" && !payload.newDevice)
            let sessions = try await bench.client.listSessions(
                ListSessionsRequest(), metadata: bench.caller(tokens), timeout: patience
            ).message
            #expect(sessions.data.map(\.id) == [tokens.sessionID] && sessions.nextCursor == nil)
            #expect(sessions.data[0].device == "Firefox/140" && sessions.data[0].ip == "203.0.113.7")
            #expect(sessions.data[0].current)
        }
    }

    @Test func neitherTheFirstNorAKnownDeviceIsNew() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            for device in ["a", "b", "a"] { _ = try await bench.logIn("ada@example.org", device: device) }
            let events = try await bench.events(of: user.id).dropFirst(2)
            let isNew = try events.map { try UserLoggedInV1(decoding: try #require($0.jsonData)).newDevice }
            #expect(isNew == [false, true, false])
        }
    }

    @Test func everythingElseIsRefusedAlike() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            var problems: Set<ProblemDetails> = []
            for (email, password) in [
                ("ada@example.org", "wrong"), ("nobody@example.org", AuthBench.password),
                ("ada@example.org", String(repeating: "x", count: 10_000)), ("no address", AuthBench.password),
            ] {
                let problem = await problem { _ = try await bench.logIn(email, password) }
                problems.insert(try #require(problem))
            }
            #expect(problems.count == 1)
            #expect(problems.first?.status == 401 && problems.first?.code == "invalid_credentials")
            #expect(try await bench.names(of: user.id).count == 2)
        }
    }

    @Test func callsOfTheSignedInNeedACaller() async throws {
        try await AuthBench.with { bench in
            for call: @Sendable () async throws -> Void in [
                { _ = try await bench.client.getMe(Empty(), timeout: patience) },
                { _ = try await bench.client.logout(Empty(), timeout: patience) },
                { _ = try await bench.client.listSessions(ListSessionsRequest(), timeout: patience) },
            ] { #expect(await problem(call)?.code == "unauthenticated") }
            let token = Caller(userID: .make()).metadata
            #expect(
                await problem { _ = try await bench.client.logout(Empty(), metadata: token, timeout: patience) }?.code
                    == "no_session")
            #expect(
                await problem { _ = try await bench.client.getMe(Empty(), metadata: token, timeout: patience) }?.status
                    == 401)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct RefreshTests {
    @Test func rotates() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            var tokens = try await bench.logIn("ada@example.org")
            var seen: Set<String> = [tokens.refreshToken]
            for _ in 0..<5 {
                bench.clock.advance(by: .seconds(600))
                let next = try await bench.refresh(tokens.refreshToken)
                #expect(next.sessionID == tokens.sessionID && next.accessToken != tokens.accessToken)
                #expect(seen.insert(next.refreshToken).inserted)
                #expect(try bench.caller(next) == bench.caller(tokens.sessionID, of: user.id))
                tokens = next
            }
            #expect(try await bench.names(of: user.id).last == "auth.user_logged_in")
        }
    }

    @Test func noSessionGoesOnForEver() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            var tokens = try await bench.logIn("ada@example.org")
            for round in 1...14 {
                bench.clock.advance(by: .seconds(6 * 86_400))
                tokens = try await bench.refresh(tokens.refreshToken)
                #expect((tokens.refreshExpiresIn < 604_800) == (round == 14))
            }
            bench.clock.advance(by: .seconds(6 * 86_400))
            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.status == 401)
        }
    }

    @Test func manyAtATimeGetOneSuccessorAndNobodyIsRevoked() async throws {
        try await AuthBench.with { bench in
            bench.clock.stop()
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            for _ in 0..<3 {
                let answers = try await concurrently(64) { _ in try await bench.refresh(tokens.refreshToken) }
                #expect(Set(answers.map(\.refreshToken)).count == 1)
                #expect(Set(answers.map(\.sessionID)) == [tokens.sessionID])
            }
            let stored = try await bench.pool.query(
                "SELECT count(*), count(replaced_at), max(generation) FROM refresh_tokens"
            ).first(as: Int.self, Int.self, Int.self)
            #expect(stored == (2, 1, 2))
            let successor = try await bench.refresh(tokens.refreshToken).refreshToken
            let next = try await bench.refresh(successor)
            _ = try await bench.refresh(next.refreshToken)
            #expect(try await !bench.names(of: user.id).contains("auth.sessions_revoked"))
        }
    }

    @Test func reuseEndsTheSessionAndTellsSo() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let first = try await bench.logIn("ada@example.org")
            let other = try await bench.logIn("ada@example.org")
            let second = try await bench.refresh(first.refreshToken)
            bench.clock.advance(by: .seconds(11))
            for token in [first.refreshToken, second.refreshToken] {
                let refused = await problem { _ = try await bench.refresh(token) }
                #expect(refused?.status == 401 && refused?.code == "invalid_refresh_token")
            }
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try SessionsRevokedV1(decoding: try #require(event.jsonData))
            #expect(payload.sessionIDs == [first.sessionID] && payload.reason == "reuse_detected")
            #expect(payload.userID == user.id && event.sequence == 5)
            _ = try await bench.refresh(other.refreshToken)
        }
    }

    @Test func concurrentReuseTellsOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let first = try await bench.logIn("ada@example.org")
            _ = try await bench.refresh(first.refreshToken)
            bench.clock.advance(by: .seconds(11))
            let codes = try await concurrently(16) { _ in
                await problem { _ = try await bench.refresh(first.refreshToken) }?.code
            }
            #expect(Set(codes) == ["invalid_refresh_token"])
            #expect(try await bench.names(of: user.id).filter { $0 == "auth.sessions_revoked" }.count == 1)
        }
    }

    @Test func tokensAreNotStored() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let tokens = try await bench.logIn("ada@example.org")
            let dump = try await bench.pool.query(
                "SELECT string_agg(encode(digest, 'base64'), ' ') FROM refresh_tokens"
            ).first(as: String.self)
            #expect(!dump.contains(tokens.refreshToken.prefix(40)))
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct LogoutTests {
    @Test func endsTheSession() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let (tokens, other) = (try await bench.logIn("ada@example.org"), try await bench.logIn("ada@example.org"))
            let caller = try bench.caller(tokens)
            for _ in 0..<2 { _ = try await bench.client.logout(Empty(), metadata: caller, timeout: patience) }
            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.status == 401)
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try SessionsRevokedV1(decoding: try #require(event.jsonData))
            #expect(payload.sessionIDs == [tokens.sessionID] && payload.reason == "logout" && event.sequence == 5)
            let left = try await bench.client.listSessions(
                ListSessionsRequest(), metadata: bench.caller(other), timeout: patience
            ).message
            #expect(left.data.map(\.id) == [other.sessionID])
        }
    }

    @Test func eventsOfAUserAreNumberedWithoutGaps() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            _ = try await concurrently(12) { number in
                let tokens = try await bench.logIn("ada@example.org", device: "d\(number)")
                if number.isMultiple(of: 2) {
                    _ = try await bench.client.logout(Empty(), metadata: bench.caller(tokens), timeout: patience)
                }
            }
            let numbers = try await AuthBench.recorded(of: user.id, in: bench.pool).map(\.sequence)
            #expect(numbers == Array(1...20))
        }
    }

    @Test func sessionsComeInPages() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            var tokens: [Contracts.Tokens] = []
            for _ in 0..<5 { tokens.append(try await bench.logIn("ada@example.org")) }
            let caller = try bench.caller(tokens[0])
            var seen: [Contracts.Session] = []
            var cursor: String?
            repeat {
                let page = try await bench.client.listSessions(
                    ListSessionsRequest(limit: 2, cursor: cursor), metadata: caller, timeout: patience
                ).message
                seen += page.data
                cursor = page.nextCursor
            } while cursor != nil && seen.count < 10
            #expect(seen.map(\.id) == tokens.reversed().map(\.sessionID))
            #expect(seen.map(\.current) == [false, false, false, false, true])
        }
    }
}

extension AuthBench {
    fileprivate func caller(_ session: String, of user: String) throws -> GRPCMetadata {
        Caller(userID: try UUIDv7(parsing: user), sessionID: try UUIDv7(parsing: session), roles: ["user"]).metadata
    }
}
