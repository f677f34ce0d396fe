internal import Foundation
internal import Testing

/// schemathesis, which others wrote, tries the running system by its OpenAPI document.
@Suite(.timeLimit(.minutes(20))) struct FuzzedContractTests {
    @Test func answersAreWhatTheDocumentSays() async throws {
        try await LocalInstallation.with { installation in
            let fuzzed = try await installation.stack(
                "fuzz-api",
                settings: [
                    "FUZZ_API_SECONDS": "45", "FUZZ_API_SEED": "7",
                    "FUZZ_API_REPORT": installation.folder.appending(path: "report").path,
                ])
            #expect(fuzzed.status == 0, "\(fuzzed.output.suffix(20_000))")
            let generated = fuzzed.output.firstMatch(of: /(\d+) generated/).flatMap { Int($0.1) }
            #expect(try #require(generated) > 100)
        }
    }
}
