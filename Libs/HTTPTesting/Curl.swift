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

/// One at a time: no other child is to inherit a pipe before it is marked.
private let starting = Mutex(())

/// Runs a program off the tasks' threads, with nothing to read; returns its exit status and all that it wrote.
package func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(
                with: Result { try starting.withLock { _ in try ChildProcess(program, arguments) }.result() })
        }
    }
}

/// A program whose output is a pipe's.
///
/// Foundation's `Process` lists the open descriptors and then closes them in the child one by one; where other threads open
/// some in between, as servers under load do, it writes past the end of its list.
private struct ChildProcess {
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    private let pid: pid_t
    private let output: Int32

    init(_ program: String, _ arguments: [String]) throws(Failure) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw Failure(call: "pipe", code: errno) }
        defer { close(ends[1]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The threads of tests block signals, and a child would inherit that.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        var child: pid_t = 0
        let code = unsafe Self.withCStrings([program] + arguments) { words in
            unsafe Self.withCStrings(environment) { variables in
                unsafe posix_spawn(&child, program, &actions, &attributes, words, variables)
            }
        }
        guard code == 0 else {
            close(ends[0])
            throw Failure(call: "posix_spawn", code: code)
        }
        pid = child
        output = ends[0]
    }

    /// Waits for its end; a program that a signal ended has the signal's number for a status.
    func result() throws(Failure) -> (status: Int32, output: String) {
        let written = readToEnd(output)
        close(output)
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure(call: "waitpid", code: errno) }
        }
        let signal = status & 0x7F
        return (signal == 0 ? status >> 8 & 0xFF : signal, String(decoding: written, as: UTF8.self))
    }

    private static func withCStrings<R>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { copy in unsafe free(copy) } }
        return unsafe body(copies + [nil])
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
