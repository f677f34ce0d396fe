internal import Foundation
internal import Glibc
internal import Testing

/// `Idempotency-Key` on everything that the contract lets a client change.
@Suite(.serialized, .timeLimit(.minutes(20))) struct RepeatedRequestTests {
    @Test func everyUnsafeOperationIsAnsweredAgain() async throws {
        try await LocalInstallation.with { installation in
            let issuer = try IssuerProcess(in: installation)
            defer { issuer.stop() }
            let url = try await issuer.url()
            let run = try await installation.run(settings: [
                "FLORIN_OIDC_PROVIDERS": "test \(url) florin-test", "FLORIN_RATE_LIMIT_SIGN_IN": "10000",
                "FLORIN_RATE_LIMIT_ANONYMOUS": "10000",
            ])
            var environment = try installation.settings().filter { $0.key.hasPrefix("FLORIN_") }
            environment["FLORIN_ISSUER"] = url
            environment["FLORIN_STORY_PATIENCE"] = "120"
            environment["PATH"] = "/usr/bin:/bin"
            let script = try ChildProcess(
                LocalInstallation.packageRoot.appending(path: "scripts/repetitions.py"), [], environment: environment,
                output: installation.folder.appending(path: "repetitions.out"))
            let status = try await script.exitStatus(within: .seconds(600))
            let output = try script.output()
            #expect(status == 0 && output.contains("operations were repeated"), "\(output)")
            run.send(SIGINT)
            #expect(try await run.exitStatus() == 0)
        }
    }
}
