internal import Foundation
internal import Testing

/// Calls over HTTP by curl, which shares no code with the servers.
enum HTTPCall {
    /// The status of a GET; 0 while nothing answers.
    static func status(of url: String) async throws -> Int {
        try await call(["--output", "/dev/null", url]).status
    }

    /// A POST of JSON.
    static func post(
        _ url: String, _ body: [String: String], headers: [String] = []
    ) async throws -> (status: Int, body: String) {
        let json = try JSONSerialization.data(withJSONObject: body)
        let fields = (["Content-Type: application/json"] + headers).flatMap { ["--header", $0] }
        return try await call(fields + ["--data-binary", String(decoding: json, as: UTF8.self), url])
    }

    private static func call(_ arguments: [String]) async throws -> (status: Int, body: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "florin-curl-\(UUID().uuidString)")
        let child = try ChildProcess(
            URL(filePath: "/usr/bin/curl"),
            ["--silent", "--noproxy", "*", "--max-time", "30", "--write-out", "\n%{http_code}"] + arguments,
            environment: [:], output: file)
        _ = try await child.exitStatus()
        let lines = try child.output().split(separator: "\n", omittingEmptySubsequences: false)
        try FileManager.default.removeItem(at: file)
        let status = try #require(lines.last.flatMap { Int($0) })
        return (status, lines.dropLast().joined(separator: "\n"))
    }
}
