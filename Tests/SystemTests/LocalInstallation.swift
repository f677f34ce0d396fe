internal import Foundation
internal import Glibc
internal import Testing

/// An installation of its own, run by `scripts/stack` with the programs that were built along with these tests.
struct LocalInstallation: Sendable {
    /// The names under which the supervisor keeps what it runs.
    static let servers = ["postgres", "rabbitmq"]
    static let programs = ["auth-service", "expense-service", "portfolio-service", "event-processor", "gateway"]

    let folder: URL
    private var local: URL { folder.appending(path: "local") }

    static let packageRoot = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// The folder of the programs.
    static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

    /// Runs a test with an installation, which is stopped and removed afterwards however the test ends.
    static func with(_ body: (LocalInstallation) async throws -> Void) async throws {
        let installation = LocalInstallation(
            folder: FileManager.default.temporaryDirectory.appending(path: "florin-system-\(UUID().uuidString)"))
        try FileManager.default.createDirectory(at: installation.folder, withIntermediateDirectories: true)
        // The servers run under accounts of their own, which have to get through.
        try #require(unsafe chmod(installation.folder.path, 0o711) == 0)
        let result = await Result.of { try await body(installation) }
        _ = try await installation.stack("stop")
        try FileManager.default.removeItem(at: installation.folder)
        try result.get()
    }

    /// Runs `scripts/stack` to its end.
    func stack(_ arguments: String..., settings: [String: String] = [:]) async throws -> (status: Int32, output: String)
    {
        let child = try launch(arguments, settings)
        let status = try await child.exitStatus(within: .seconds(600))
        return (status, try child.output())
    }

    /// Starts everything and waits until all is ready.
    func run(settings: [String: String] = [:]) async throws -> ChildProcess {
        let child = try launch(["run"], settings)
        try await wait(for: "everything to be ready", within: .seconds(400)) {
            try child.output().contains("Ctrl-C stops everything") || !child.isRunning
        }
        let output = try child.output()
        try #require(child.isRunning, "\(output)")
        return child
    }

    private func launch(_ arguments: [String], _ settings: [String: String]) throws -> ChildProcess {
        let needsPrograms = ["run", "demo", "contract-traffic", "fuzz-api"].contains(arguments[0])
        let options = needsPrograms ? ["--free-ports", "--binaries", Self.binaries.path] : []
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FLORIN_") }
        environment["FLORIN_LOCAL_DIR"] = local.path
        environment["FLORIN_STORY_PATIENCE"] = "120"
        environment.merge(settings) { $1 }
        return try ChildProcess(
            Self.packageRoot.appending(path: "scripts/stack"),
            arguments + options, environment: environment,
            output: folder.appending(path: "\(arguments[0])-\(UUID().uuidString).out"))
    }

    /// The number that the supervisor has noted for a process; nil where it keeps none.
    func pid(of name: String) -> Int32? {
        let text = try? String(contentsOf: local.appending(path: "run/\(name).pid"), encoding: .utf8)
        return text.flatMap { Int32($0.trimmingCharacters(in: .newlines)) }
    }

    /// What a program has logged.
    func log(of name: String) throws -> String { try String(contentsOfFile: logFile(of: name), encoding: .utf8) }

    /// Where that is.
    func logFile(of name: String) -> String { local.appending(path: "log/\(name).log").path }

    /// The files in the folder of process numbers.
    func runFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: local.appending(path: "run").path)
    }

    /// The permissions of a file of the installation.
    func mode(of name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: local.appending(path: name).path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    /// What `.local/env` says.
    func settings() throws -> [String: String] {
        let text = try String(contentsOf: local.appending(path: "env"), encoding: .utf8)
        let pairs = text.split(separator: "\n").map { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Waits until every program says that it is ready.
    func waitUntilReady() async throws {
        let settings = try settings()
        for name in ["AUTH", "EXPENSE", "PORTFOLIO", "PROCESSOR", "GATEWAY"] {
            let address = try #require(settings["FLORIN_\(name)_ADMIN_URL"])
            try await wait(for: "\(name) to be ready") { try await HTTPCall.status(of: address + "/readyz") == 200 }
        }
    }

    /// The numbers of all processes that are given this installation's folder, as an argument or in their environment.
    func processes() throws -> [Int32] {
        let folder = Data(folder.path.utf8)
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int32.init).filter { pid in
            ["cmdline", "environ"].contains { name in
                // The process may end meanwhile.
                (try? Data(contentsOf: URL(filePath: "/proc/\(pid)/\(name)")))?.range(of: folder) != nil
            } && isAlive(pid)
        }
    }

    /// Whether the verification mail for an address has been written.
    func hasMail(to address: String) throws -> Bool {
        let mails = local.appending(path: "mail")
        return try FileManager.default.contentsOfDirectory(atPath: mails.path).contains { name in
            guard name.hasSuffix(".eml") else { return false }
            return try String(contentsOf: mails.appending(path: name), encoding: .utf8).contains(address)
        }
    }
}

extension Result where Success == Void, Failure == any Error {
    fileprivate static func of(_ body: () async throws -> Void) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
