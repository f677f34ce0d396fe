import Foundation
import Glibc
import Synchronization
import Testing
import TestKit

/// A run of the program `gateway` in a process of its own.
final class RunningGateway: Sendable {
    let environment: [String: String]
    private let process: Mutex<Process>
    private let text = Mutex("")

    /// Starts `gateway serve`.
    ///
    /// - Parameter descriptors: the soft limit of descriptors that it starts with; nil for the tests' own.
    init(_ environment: [String: String], descriptors: Int? = nil) throws {
        self.environment = environment
        let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "gateway")
            .path
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        let limit = descriptors.map { "ulimit -S -n \($0) && " } ?? ""
        process.arguments = ["-c", "\(limit)exec \"$0\" serve", program]
        // Nobody stands before it who would have to take notice.
        process.environment = ["FLORIN_DRAIN_NOTICE_SECONDS": "0"].merging(environment) { $1 }
        let output = Pipe()
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process = Mutex(process)
        Thread.detachNewThread { [self] in
            while true {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { return }
                text.withLock { $0 += String(decoding: data, as: UTF8.self) }
            }
        }
    }

    /// Its number.
    var pid: Int32 { process.withLock { $0.processIdentifier } }

    /// Its resident memory in KiB, now or at its largest.
    func resident(peak: Bool = false) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(peak ? "VmHWM:" : "VmRSS:") }
        return try #require(line.flatMap { Int($0.split(whereSeparator: { " \t".contains($0) })[1]) })
    }

    /// What it has written to standard error.
    var log: String { text.withLock { $0 } }

    /// How often it has written something.
    func count(of words: String) -> Int { log.ranges(of: words).count }

    /// Waits for its end; the exit status.
    func exitStatus() async throws -> Int32 {
        try await eventually("the program ends") { !process.withLock { $0.isRunning } }
        return process.withLock { $0.terminationStatus }
    }

    /// Asks it to stop.
    func terminate() { process.withLock { $0.terminate() } }

    /// Asks it to read its files again.
    func hangUp() { _ = process.withLock { Glibc.kill($0.processIdentifier, SIGHUP) } }

    /// Ends it where it has not ended.
    func kill() {
        process.withLock { process in
            if process.isRunning { _ = Glibc.kill(process.processIdentifier, SIGKILL) }
        }
    }

    /// Status and body of a request; 0 while nobody listens.
    func get(_ path: String, token: String? = nil) async throws -> (status: Int, body: String) {
        try await curl("http://\(environment["FLORIN_HTTP_LISTEN"] ?? "")\(path)", token)
    }

    /// The same at the admin address.
    func admin(_ path: String) async throws -> (status: Int, body: String) {
        try await curl("http://\(environment["FLORIN_ADMIN_LISTEN"] ?? "")\(path)", nil)
    }

    /// Reads the stream of events to its end, as a file that grows.
    func stream(token: String) throws -> EventReader {
        try EventReader("http://\(environment["FLORIN_HTTP_LISTEN"] ?? "")/v1/events/stream", token: token)
    }

    private func curl(_ url: String, _ token: String?) async throws -> (status: Int, body: String) {
        let token = token.map { ["-H", "Authorization: Bearer \($0)"] } ?? []
        let output = try await EventReader(arguments: ["--max-time", "30", "-w", "\n%{http_code}"] + token + [url])
            .end()
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        return (Int(output[end...].dropFirst()) ?? 0, String(output[..<end]))
    }
}

/// A certificate and its key in files, made by OpenSSL's program.
struct CertificateFiles: Sendable {
    let certificate: String
    let key: String

    init(in directory: URL) throws {
        certificate = directory.appending(path: "certificate.pem").path
        key = directory.appending(path: "key.pem").path
    }

    /// Writes a certificate of that name, and its key, over what there was.
    ///
    /// - Parameter keepingKey: leaves the old key where it is, which is then another one's.
    func issue(_ name: String, keepingKey: Bool = false) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=\(name)", "-keyout", keepingKey ? key + ".other" : key, "-out", certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    /// The subject of the certificate that is shown there; empty where nobody listens.
    func subject(at address: String) async throws -> String {
        try await EventReader(arguments: [
            "-k", "-v", "--stderr", "-", "https://\(address)/openapi.json", "-o", "/dev/null",
        ])
        .end().split(separator: "\n").first { $0.contains("subject: CN=") }.map(String.init) ?? ""
    }
}

/// A run of curl whose output can be looked at while it goes on.
final class EventReader: Sendable {
    private let process: Mutex<Process>
    private let text = Mutex((output: "", isComplete: false))

    convenience init(_ url: String, token: String) throws {
        try self.init(arguments: ["-N", "-H", "Authorization: Bearer \(token)", url])
    }

    convenience init(arguments: [String]) throws {
        try self.init(program: "/usr/bin/curl", ["--silent", "--noproxy", "*"] + arguments)
    }

    /// A run of another program.
    init(program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        self.process = Mutex(process)
        Thread.detachNewThread { [self] in
            while true {
                let data = pipe.fileHandleForReading.availableData
                text.withLock { text in
                    text.output += String(decoding: data, as: UTF8.self)
                    text.isComplete = data.isEmpty
                }
                if data.isEmpty { return }
            }
        }
    }

    /// What has come so far.
    var output: String { text.withLock { $0.output } }

    /// Everything, when it has ended.
    func end(within limit: Duration = .seconds(60)) async throws -> String {
        try await eventually("the output ends", within: limit) { text.withLock { $0.isComplete } }
        return output
    }

    /// curl's exit status, when it has ended.
    func exitStatus() async throws -> Int32 {
        try await eventually("curl ends") { !process.withLock { $0.isRunning } }
        return process.withLock { $0.terminationStatus }
    }
}
