import EventLoop
import Foundation
import HTTPServer
import HTTPTesting
import TestKit
import TLS
import Testing

/// TLS as seen by curl and by OpenSSL's own client.
@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    /// A server with a certificate of its own.
    private static func serve(
        _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (ServerFixture, Certificates, TLSServerContext) async throws -> Void
    ) async throws {
        let files = try await Certificates.make()
        defer { files.remove() }
        try await files.issue("first")
        let context = try TLSServerContext(certificateFile: files.certificate, keyFile: files.key)
        try await ServerFixture.run({
            $0.tls = context
            configure(&$0)
        }) { fixture in try await body(fixture, files, context) }
    }

    private static func get(
        _ fixture: ServerFixture, _ files: Certificates, _ path: String = "/", _ more: [String] = []
    ) async throws -> ProgramResult {
        let url = "https://localhost:\(fixture.address.port)\(path)"
        return try await curl(
            ["--cacert", files.certificate, "--resolve", "localhost:\(fixture.address.port):127.0.0.1"] + more + [url])
    }

    private static func connect(_ fixture: ServerFixture, _ arguments: [String]) async throws -> String {
        try await runProgram(
            "/usr/bin/openssl", ["s_client", "-connect", "127.0.0.1:\(fixture.address.port)"] + arguments
        ).output
    }

    @Test(arguments: [("--http1.1", "1.1"), ("--http2", "2")])
    func speaksBothProtocols(_ option: String, _ version: String) async throws {
        try await Self.serve { fixture, files, _ in
            let plain = try await Self.get(fixture, files, "/hop", [option, "-w", "|%{http_version} %{http_code}"])
            #expect(plain.output == "hopped true|\(version) 200")
            let large = try await Self.get(
                fixture, files, "/big", [option, "-o", "/dev/null", "-w", "%{size_download}"])
            #expect(large.output == "33554432")
            let body = String(repeating: "0123456789", count: 30_000)
            let file = files.directory.appendingPathComponent("body")
            try body.write(to: file, atomically: true, encoding: .utf8)
            let echoed = try await Self.get(fixture, files, "/echo", [option, "--data-binary", "@\(file.path)"])
            #expect(echoed.output == body)
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func readsAnEventStreamUntilTheDrain(_ option: String) async throws {
        try await Self.serve { fixture, files, _ in
            async let reading = Self.get(fixture, files, "/events", [option, "-N"])
            try await eventually("it streams") { fixture.events.has("streaming") }
            await fixture.server.drain(deadline: .seconds(60))
            let result = try await reading
            #expect(result.status == 0)
            #expect(result.output == "data: first\n\n")
        }
    }

    @Test func speaksOnlyWhatIsSafe() async throws {
        try await Self.serve { fixture, _, _ in
            let modern = try await Self.connect(fixture, ["-tls1_3", "-alpn", "h2,http/1.1"])
            #expect(modern.contains("TLSv1.3") && modern.contains("ALPN protocol: h2"))
            let older = try await Self.connect(fixture, ["-tls1_2", "-alpn", "http/1.1"])
            #expect(older.contains("ECDHE") && older.contains("ALPN protocol: http/1.1"))
            for options in [
                ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"],
                ["-tls1_3", "-alpn", "spdy/3"],
            ] {
                let refused = try await Self.connect(fixture, options)
                #expect(
                    refused.contains("alert") || refused.contains("no protocols available"), "\(options) \(refused)")
                #expect(refused.contains("Cipher is (NONE)") || refused.contains("Cipher    : 0000"), "\(options)")
            }
            let silent = try await Self.connect(fixture, ["-tls1_3"])
            #expect(silent.contains("No ALPN negotiated"))
        }
    }

    @Test func saysWhenItEnds() async throws {
        try await Self.serve { fixture, _, _ in
            let result = try await runProgram(
                "/usr/bin/openssl", ["s_client", "-quiet", "-msg", "-connect", "127.0.0.1:\(fixture.address.port)"],
                input: "GET /close HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(result.lines.contains { $0.hasPrefix("<<<") && $0.hasSuffix("close_notify") }, "\(result.output)")
        }
    }

    @Test func readsItsCertificateAgain() async throws {
        try await Self.serve { fixture, files, context in
            // A request that is under way does not notice.
            async let slow = Self.get(fixture, files, "/gated")
            try await eventually("it is under way") { fixture.events.has("working") }
            let before = try await Self.connect(fixture, [])
            try await files.issue("second")
            try context.reload()
            let after = try await Self.connect(fixture, [])
            #expect(before.contains("CN = first") && after.contains("CN = second"))
            fixture.events.openGate()
            #expect(try await slow.output == "done")

            try "garbage".write(toFile: files.certificate, atomically: true, encoding: .utf8)
            #expect(throws: TLSError.self) { try context.reload() }
            #expect(try await Self.connect(fixture, []).contains("CN = second"))
        }
    }

    @Test func badFilesAreRefused() async throws {
        let files = try await Certificates.make()
        defer { files.remove() }
        try await files.issue("first")
        func code(_ certificate: String, _ key: String) -> TLSError.Code? {
            do {
                _ = try TLSServerContext(certificateFile: certificate, keyFile: key)
                return nil
            } catch {
                #expect(!error.isRetriable && !error.description.isEmpty)
                return error.code
            }
        }
        let other = try await Certificates.make()
        defer { other.remove() }
        try await other.issue("other")
        let locked = other.directory.appendingPathComponent("locked.pem").path
        _ = try await runProgram(
            "/usr/bin/openssl", ["ec", "-aes128", "-passout", "pass:x", "-in", other.key, "-out", locked])
        #expect(code(files.certificate, files.key) == nil)
        #expect(code("/nowhere", files.key) == .certificate)
        #expect(code(files.key, files.key) == .certificate)
        #expect(code(files.certificate, "/nowhere") == .key)
        #expect(code(files.certificate, files.certificate) == .key)
        #expect(code(files.certificate, other.key) == .mismatch)
        #expect(code(other.certificate, locked) == .key)
    }

    @Test func garbageIsRefusedAndSlowHandshakesEnd() async throws {
        try await Self.serve({ $0.handshakeTimeout = .milliseconds(300) }) { fixture, files, _ in
            let plain = try SocketClient(fixture.address)
            try await plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await !plain.receiveAll().contains("HTTP/1.1"))
            // A record of a handshake that never comes to its end, and one that never begins.
            let slow = try SocketClient(fixture.address)
            try await slow.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
            let silent = try SocketClient(fixture.address)
            #expect(try await slow.receiveAll().isEmpty)
            #expect(try await silent.receiveAll().isEmpty)
            try await eventually("all are gone") { fixture.server.statistics.connections == 0 }
            #expect(fixture.server.statistics.refused == 3)
            try await eventually("a handshake is in time") {
                try await Self.get(fixture, files).output == "Hello"
            }
        }
    }

    @Test func handshakesAreLimited() async throws {
        try await Self.serve({ $0.maxHandshakes = 2 }) { fixture, files, _ in
            let waiting = [try SocketClient(fixture.address), try SocketClient(fixture.address)]
            try await eventually("both wait") { fixture.server.statistics.connections == 2 }
            #expect(try await Self.get(fixture, files).status != 0)
            for client in waiting { client.leave() }
            try await eventually("both are gone") { fixture.server.statistics.connections == 0 }
            #expect(try await Self.get(fixture, files).output == "Hello")
        }
    }

    @Test func aReaderThatStopsHoldsTheProducerBack() async throws {
        try await Self.serve({ $0.writeTimeout = .milliseconds(500) }) { fixture, files, _ in
            let reading = Task {
                try await Self.get(fixture, files, "/endless", ["--limit-rate", "1", "-o", "/dev/null"])
            }
            defer { reading.cancel() }
            try await eventually("the producer ends") { fixture.events.has("endless ended") }
            try await eventually("the connection is gone") { fixture.server.statistics.connections == 0 }
            #expect(fixture.events.written.load(ordering: .relaxed) < 64 << 20)
            reading.cancel()
            #expect(try await reading.value.status == SIGKILL, "the reader had ended by itself")
        }
    }
}

/// A certificate and its key in files, made by OpenSSL's program.
struct Certificates: Sendable {
    let directory: URL
    var certificate: String { directory.appendingPathComponent("certificate.pem").path }
    var key: String { directory.appendingPathComponent("key.pem").path }

    static func make() async throws -> Certificates {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return Certificates(directory: directory)
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    /// Writes a certificate for `localhost` of that name, and its key, over what there was.
    func issue(_ name: String) async throws {
        let result = try await runProgram(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                certificate,
            ])
        #expect(result.status == 0, "\(result.output)")
    }
}
