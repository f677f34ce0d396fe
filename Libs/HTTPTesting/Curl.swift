import TestKit

/// Runs curl, a client that we did not write; returns its exit status and all that it wrote.
package func curl(_ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await run("/usr/bin/curl", ["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"] + arguments)
}

/// Runs a script of `Tests/Interop` by the interpreter that has the packages of `scripts/python-venv`.
package func python(_ script: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await run(Python.interpreter(), Python.arguments(script, arguments))
}

/// Runs a program off the tasks' threads, with nothing to read; returns its exit status and all that it wrote.
package func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    let result = try await runProgram(program, arguments)
    return (result.status, result.output)
}
