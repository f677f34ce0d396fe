internal import Foundation
internal import Testing

/// The bounded part of `make rolling-restart`, with the programs that were built along with these tests.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RollingRestartTests {
    /// Two gateways, the first on a socket that outlives it, and one process of each service: calls wait for those. Each process is
    /// started anew once while users read, write and listen: directly, through nginx over both protocols, and by the choice of a
    /// client that looks at `/readyz`.
    @Test func everyProcessIsRestartedUnderLoadAndNotOneRequestFails() async throws {
        let run = try await PythonScript.run(
            "rolling_restart.py", "--binaries", PythonScript.binaries, "--services", "1", "--requests", "600",
            "--users", "9",
            "--streams", "3", "--pause", "0.3")
        #expect(run.status == 0, "\(run.output.suffix(8000))")
        #expect(run.output.contains("not one request failed"))
    }
}
