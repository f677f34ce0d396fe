internal import Foundation
internal import Testing

/// The bounded part of `make faults`, with the programs that were built along with these tests.
@Suite(.serialized, .timeLimit(.minutes(20))) struct FaultTests {
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
        from binaries: String = PythonScript.binaries, _ arguments: String...
    ) async throws -> (status: Int32, output: String) {
        try await PythonScript.run("faults.py", ["--binaries", binaries] + arguments)
    }
}
