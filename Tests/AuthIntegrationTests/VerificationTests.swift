import Contracts
import GRPC
import Testing

@Suite(.timeLimit(.minutes(5))) struct VerificationTests {
    private func verify(_ bench: AuthBench, _ token: String) async throws {
        _ = try await bench.client.verifyEmail(VerifyEmailRequest(token: token), timeout: patience)
    }

    @Test func theTokenOfTheMailWorksOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let token = try await bench.verificationToken(of: user.id)
            try await verify(bench, token)
            let again = await problem { try await verify(bench, token) }
            #expect(again?.status == 400 && again?.code == "invalid_token")
            let me = try await bench.client.getMe(
                Empty(), metadata: bench.caller(bench.logIn("ada@example.org")), timeout: patience
            ).message
            #expect(me.emailVerified && me.version == 2 && me.updatedAt > me.createdAt)
            #expect(try await bench.names(of: user.id)[2] == "auth.email_verified")
        }
    }

    @Test func ofManyAtATimeOneSucceeds() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let token = try await bench.verificationToken(of: user.id)
            let outcomes = try await concurrently(16) { _ in
                do {
                    try await verify(bench, token)
                    return true
                } catch let status as GRPCStatus where status.code == .invalidArgument {
                    return false
                }
            }
            #expect(outcomes.count(where: \.self) == 1)
            #expect(try await bench.names(of: user.id).filter { $0 == "auth.email_verified" }.count == 1)
        }
    }

    @Test(arguments: ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "=;'--"])
    func anUnknownTokenIsRefused(token: String) async throws {
        try await AuthBench.with { bench in
            #expect(await problem { try await verify(bench, token) }?.code == "invalid_token")
        }
    }

    @Test func anExpiredTokenIsRefusedAndANewOneWorks() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let old = try await bench.verificationToken(of: user.id)
            bench.clock.advance(by: .seconds(86_400))
            #expect(await problem { try await verify(bench, old) }?.code == "invalid_token")
            _ = try await bench.client.resendVerification(
                ResendVerificationRequest(email: "ADA@example.org"), timeout: patience)
            try await bench.answerRequests()
            let new = try await bench.verificationToken(of: user.id)
            #expect(new != old)
            try await verify(bench, new)
        }
    }

    @Test func resendingTellsNobodyWhatIsKnown() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.client.resendVerification(
                ResendVerificationRequest(email: "nobody@example.org"), timeout: patience)
            try await bench.answerRequests()
            #expect(try await bench.pool.query("SELECT count(*) FROM outbox").first(as: Int.self) == 0)
            let problem = await problem {
                _ = try await bench.client.resendVerification(ResendVerificationRequest(), timeout: patience)
            }
            #expect(problem?.errors.map { "\($0.field) \($0.code)" } == ["email required"])
        }
    }
}
