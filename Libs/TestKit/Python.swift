package import Foundation

/// The Python programs of `Tests/Interop`: libraries that we did not write judge what crosses a border.
package enum Python {
    /// What a program of the tests needs and does not find.
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// The folder of Package.swift: found from this source file, through links.
    package static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The interpreter that has the packages of `scripts/python-venv`, or the one that `$FLORIN_PYTHON` names.
    package static func interpreter() throws(Missing) -> String {
        let path = ProcessInfo.processInfo.environment["FLORIN_PYTHON"] ?? root.appending(path: ".venv/bin/python").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Missing(description: "no Python at \(path): run scripts/python-venv or set FLORIN_PYTHON")
        }
        return path
    }

    /// The interpreter's arguments for a program, such as `jwt/pyjwt_judge.py`: it is not to keep compiled code, nor what it
    /// writes.
    package static func arguments(_ program: String, _ arguments: [String] = []) -> [String] {
        ["-B", "-u", root.appending(path: "Tests/Interop/\(program)").path] + arguments
    }

    /// Runs a program to its end; its standard error is the test's own.
    package static func run(
        _ program: String, _ given: [String] = [], input: String = ""
    ) async throws -> ProgramResult {
        try await runProgram(interpreter(), arguments(program, given), input: input, errors: .inherited)
    }

    /// Has a program answer a request; both are JSON.
    ///
    /// - Throws: `Missing`, what the program ended with where that is not success, or the fault in its answer.
    package static func answer<Answer: Decodable>(
        _ program: String, to request: [String: Any], as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        let input = String(decoding: try JSONSerialization.data(withJSONObject: request), as: UTF8.self)
        let result = try await run(program, input: input)
        guard result.status == 0 else { throw Missing(description: "\(program) ended with status \(result.status)") }
        return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
    }
}
