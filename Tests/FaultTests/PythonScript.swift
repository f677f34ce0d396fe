internal import Foundation

/// A run of one of the suites in `scripts/`.
enum PythonScript {
    private static let packageRoot = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// The folder of the programs.
    static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    /// Runs it to its end.
    static func run(_ name: String, _ arguments: String...) async throws -> (status: Int32, output: String) {
        try await run(name, arguments)
    }

    /// Runs it to its end.
    static func run(_ name: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString).out")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = packageRoot.appending(path: "scripts/\(name)")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FLORIN_") }
        process.standardInput = FileHandle.nullDevice
        let handle = try FileHandle(forWritingTo: file)
        process.standardOutput = handle
        process.standardError = handle
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: error)
            }
        }
        try handle.close()
        return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}
