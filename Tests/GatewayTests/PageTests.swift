import TestKit
import Testing

/// Whether the pages show everything, need nobody else, and can be read by everybody.
@Suite(.timeLimit(.minutes(5))) struct PageTests {
    @Test func everyPageIsWholeAndNeedsNobodyElse() async throws {
        try await GatewayBench.run { bench in
            let script = Python.root.appending(path: "scripts/check_pages.py")
            let judged = try await runProgram(
                "/usr/bin/python3", ["-B", script.path, "http://\(bench.address)"])
            #expect(judged.status == 0 && judged.output.contains(" pages"), "\(judged.output)")
        }
    }
}
