internal import Foundation
internal import Testing

/// Whether the running system answers as its OpenAPI document says.
@Suite(.serialized, .timeLimit(.minutes(20))) struct FuzzedContractTests {
    /// The story, each operation and each kind of refusal: every status, header field and body is compared.
    @Test func realAnswersAreInTheDocument() async throws {
        try await LocalInstallation.with { installation in
            let played = try await installation.stack("contract-traffic")
            #expect(played.status == 0, "\(played.output.suffix(20_000))")
            let statuses = try #require(played.output.firstMatch(of: /answers with the statuses ([0-9, ]+)/)).1
            let seen = Set(statuses.split(separator: ", ").compactMap { Int($0) })
            #expect(seen.isSuperset(of: [200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409]))
            #expect(seen.isSuperset(of: [412, 413, 414, 415, 417, 422, 429, 431, 501, 503, 504, 505]))
        }
    }

    /// schemathesis, which others wrote, tries every operation with all of its checks.
    @Test func answersAreWhatTheDocumentSays() async throws {
        try await LocalInstallation.with { installation in
            let fuzzed = try await installation.stack(
                "fuzz-api",
                settings: [
                    "FUZZ_API_SECONDS": "40", "FUZZ_API_SEED": "7",
                    "FUZZ_API_REPORT": installation.folder.appending(path: "report").path,
                ])
            #expect(fuzzed.status == 0, "\(fuzzed.output.suffix(20_000))")
            let generated = fuzzed.output.firstMatch(of: /(\d+) generated/).flatMap { Int($0.1) }
            #expect(try #require(generated) > 100)
            let tested = try #require(fuzzed.output.firstMatch(of: /Selected: (\d+)\/(\d+)\s+Tested: (\d+)/))
            #expect(tested.1 == tested.2 && tested.2 == tested.3)
        }
    }
}
