import Foundation
import Glibc
import Synchronization

/// What came of a program.
package struct ProgramResult: Sendable {
    /// The exit status; for a program that a signal ended, the signal's number.
    package let status: Int32
    /// All that it wrote, in the order in which it was written.
    package let output: String

    /// The lines of the output that are not empty.
    package var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// Where a program's standard error goes.
package enum ProgramErrors: Sendable {
    /// Into its output.
    case merged
    /// Where the test's own goes.
    case inherited
}

/// A program that could not be run.
package struct ProgramFailure: Error {
    package let call: String
    package let code: Int32
}

/// Runs a program off the tasks' threads, to its end, or to that of the task: a program of a cancelled one is killed.
///
/// - Parameters:
///   - program: its path.
///   - input: what it reads from its standard input.
///   - environment: nil for that of the test.
/// - Throws: `ProgramFailure` where it cannot be run.
package func runProgram(
    _ program: String, _ arguments: [String], input: String = "", environment: [String: String]? = nil,
    errors: ProgramErrors = .merged
) async throws -> ProgramResult {
    let life = ChildLife()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
                        return try starting.withLock { _ in
                            try Child(program, arguments, variables, input: inputFile(input), errors: errors)
                        }.result(life)
                    })
            }
        }
    } onCancel: {
        life.cancel()
    }
}

/// The life of one child, which ends when its task is cancelled.
private final class ChildLife: Sendable {
    private enum Stage {
        case notBegun, cancelled, ended
        case running(pid_t)
    }

    private let stage = Mutex(Stage.notBegun)

    func begin(_ child: pid_t) {
        stage.withLock { stage in
            if case .cancelled = stage { kill(child, SIGKILL) } else { stage = .running(child) }
        }
    }

    /// To be called before the child is waited for: after that the number may be another's.
    func end() { stage.withLock { $0 = .ended } }

    func cancel() {
        stage.withLock { stage in
            switch stage {
            case .running(let child): kill(child, SIGKILL)
            case .notBegun: stage = .cancelled
            case .cancelled, .ended: break
            }
        }
    }
}

/// One at a time: no other child is to inherit a pipe before it is marked.
private let starting = Mutex(())

/// A program whose output is a pipe's.
///
/// Foundation's `Process` lists the open descriptors and then closes them in the child one by one; where other threads open
/// some in between, as servers under load do, it writes past the end of its list.
private struct Child {
    private let pid: pid_t
    private let output: Int32

    /// - Parameter input: a descriptor, closed here.
    init(
        _ program: String, _ arguments: [String], _ variables: [String], input: Int32, errors: ProgramErrors
    ) throws(ProgramFailure) {
        defer { close(input) }
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw ProgramFailure(call: "pipe", code: errno) }
        defer { close(ends[1]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        if errors == .merged { unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 2) }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The threads of tests block signals, and a child would inherit that.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var child: pid_t = 0
        let code = unsafe Self.withCStrings([program] + arguments) { words in
            unsafe Self.withCStrings(variables) { variables in
                unsafe posix_spawn(&child, program, &actions, &attributes, words, variables)
            }
        }
        guard code == 0 else {
            close(ends[0])
            throw ProgramFailure(call: "posix_spawn", code: code)
        }
        pid = child
        output = ends[0]
    }

    /// Waits for its end.
    func result(_ life: ChildLife) throws(ProgramFailure) -> ProgramResult {
        life.begin(pid)
        let written = readToEnd(output)
        close(output)
        awaitEnd()
        life.end()
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw ProgramFailure(call: "waitpid", code: errno) }
        }
        let signal = status & 0x7F
        return ProgramResult(
            status: signal == 0 ? status >> 8 & 0xFF : signal, output: String(decoding: written, as: UTF8.self))
    }

    /// Until it is a zombie, whose number nobody else gets.
    private func awaitEnd() {
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    private static func withCStrings<R>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { copy in unsafe free(copy) } }
        return unsafe body(copies + [nil])
    }
}

/// A file without a name that holds the text, to be read from its beginning: neither side waits for a full pipe.
private func inputFile(_ text: String) throws(ProgramFailure) -> Int32 {
    if text.isEmpty { return unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
    var path = Array("/tmp/florin-input-XXXXXX".utf8CString)
    let file = unsafe mkstemp(&path)
    guard file >= 0 else { throw ProgramFailure(call: "mkstemp", code: errno) }
    unsafe unlink(path)
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    var left = Array(text.utf8)[...]
    while !left.isEmpty {
        let count = unsafe left.withUnsafeBytes { bytes in unsafe write(file, bytes.baseAddress, bytes.count) }
        guard count > 0 || errno == EINTR else {
            close(file)
            throw ProgramFailure(call: "write", code: errno)
        }
        left = left.dropFirst(max(0, count))
    }
    lseek(file, 0, SEEK_SET)
    return file
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
