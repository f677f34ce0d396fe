import Foundation
import HTTPTesting
import Testing

/// Whether the pages show everything, need nobody else, and can be read by everybody.
@Suite(.timeLimit(.minutes(5))) struct PageTests {
    private static let script = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "scripts/check_pages.py")

    @Test func everyPageIsWholeAndNeedsNobodyElse() async throws {
        try await GatewayBench.run { bench in
            let judged = try await run("/usr/bin/python3", ["-B", Self.script.path, "http://\(bench.address)"])
            #expect(judged.status == 0 && judged.output.contains(" pages"), "\(judged.output)")
        }
    }
}
