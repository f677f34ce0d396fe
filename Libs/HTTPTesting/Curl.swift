package import TestKit

/// Runs curl, a client that we did not write; its errors are in the output.
package func curl(_ arguments: [String]) async throws -> ProgramResult {
    try await runProgram(
        "/usr/bin/curl", ["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"] + arguments)
}
