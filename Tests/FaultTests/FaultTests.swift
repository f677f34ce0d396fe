internal import Foundation
internal import Glibc
internal import Testing

/// The bounded part of `make faults`, with the programs that were built along with these tests.
@Suite(.serialized, .timeLimit(.minutes(20))) struct FaultTests {
    private static let packageRoot = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    /// Troubles one by one, whose times have wide bounds here; then kills, pauses, cuts of the network and poison under load:
    /// nothing is lost and nothing happens twice. Then damage is done on purpose, each kind of which the count must find.
    @Test func nothingIsLostAndNothingHappensTwice() async throws {
        let run = try await faults(
            "--seed", "20261120", "--seconds", "25", "--kills", "14", "--pauses", "1", "--users", "3", "--rate", "3",
            "--cuts", "2", "--alarms", "0", "--crash-rounds", "0", "--trouble", "short", "--slack", "10",
            "--mail", "folder", "--drain", "400", "--sabotage")
        #expect(run.status == 0, "\(run.output.suffix(8000))")
        #expect(run.output.contains("everything holds; seed 20261120"))
        #expect(run.output.contains("damage done on purpose and found"))
    }

    @Test func aFolderWithoutProgramsIsAClearError() async throws {
        let empty = FileManager.default.temporaryDirectory.appending(path: "florin-faults-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: empty) }
        let run = try await faults(from: empty.path)
        #expect(run.status == 2)
        #expect(run.output.contains("does not hold auth-service"))
    }

    /// Runs the suite to its end.
    private func faults(
        from binaries: String = Self.binaries, _ arguments: String...
    ) async throws -> (status: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "faults-\(UUID().uuidString).out")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = Self.packageRoot.appending(path: "scripts/faults.py")
        process.arguments = ["--binaries", binaries] + arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FLORIN_") }
        process.standardInput = FileHandle.nullDevice
        let handle = try FileHandle(forWritingTo: file)
        process.standardOutput = handle
        process.standardError = handle
        let status = await withCheckedContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                continuation.resume(returning: -1)
            }
        }
        try handle.close()
        return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}
