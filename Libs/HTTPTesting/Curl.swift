import Foundation
import Glibc
import Synchronization

/// Runs curl, a client that we did not write; returns its exit status and all that it wrote.
package func curl(_ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await run("/usr/bin/curl", ["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"] + arguments)
}

/// Runs a script of `Tests/Interop` by the interpreter that has the packages of `scripts/python-venv`.
package func python(_ script: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let interpreter =
        ProcessInfo.processInfo.environment["FLORIN_PYTHON"] ?? root.appending(path: ".venv/bin/python").path
    return try await run(interpreter, [root.appending(path: "Tests/Interop/\(script)").path] + arguments)
}

/// One at a time: Foundation crashes now and then where several threads start processes.
private let starting = Mutex(())

/// Runs a program off the tasks' threads, with nothing to read; returns its exit status and all that it wrote.
package func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        Thread.detachNewThread {
            do {
                try starting.withLock { _ in try process.run() }
                let output = readToEnd(pipe.fileHandleForReading.fileDescriptor)
                process.waitUntilExit()
                continuation.resume(returning: (process.terminationStatus, String(decoding: output, as: UTF8.self)))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// Everything up to the end of the stream. FileHandle ends the process when a signal interrupts its read.
private func readToEnd(_ descriptor: Int32) -> [UInt8] {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = unsafe read(descriptor, &buffer, buffer.count)
        if count > 0 {
            output += buffer[..<count]
        } else if count == 0 || errno != EINTR {
            return output
        }
    }
}
