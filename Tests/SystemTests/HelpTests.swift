internal import Foundation
internal import Testing

/// What the programs say of themselves, beside what the README says of them.
@Suite(.timeLimit(.minutes(5))) struct HelpTests {
    @Test(arguments: LocalInstallation.programs)
    func everySettingIsInTheReadme(program: String) async throws {
        let output = FileManager.default.temporaryDirectory.appending(path: "florin-help-\(UUID().uuidString)")
        let child = try ChildProcess(
            LocalInstallation.binaries.appending(path: program), ["--help"], environment: [:], output: output)
        #expect(try await child.exitStatus() == 0)
        let help = try child.output()
        try FileManager.default.removeItem(at: output)
        let keys = Set(help.matches(of: /\bFLORIN_[A-Z_]+/).map { String($0.output) })
        let readme = try String(contentsOf: LocalInstallation.packageRoot.appending(path: "README.md"), encoding: .utf8)
        #expect(keys.count > 5)
        #expect(keys.subtracting(["FLORIN_CONFIG"]).filter { !readme.contains("| `\($0)` |") } == [])
    }
}
