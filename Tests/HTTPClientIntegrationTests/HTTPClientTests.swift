import Foundation
import HTTPClient
import Testing

/// Far below the deadlines of the server's endless paths, far above what anything takes.
private let soon = Duration.seconds(60)

@Suite struct URLTests {
    @Test(arguments: [
        "https://example.org", "https://example.org:8443/a?b=c", "http://127.0.0.1:80/", "http://localhost/x",
        "http://[::1]:1/",
    ])
    func mayBeAsked(url: String) {
        #expect(HTTPClient.mayAsk(url))
    }

    @Test(arguments: [
        "http://example.org", "ftp://example.org", "file:///etc/passwd", "https://user@example.org", "https://",
        "example.org", "https://example.org/\r\nX: y", "https://example.org/ b", "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
    ])
    func mayNotBeAsked(url: String) {
        #expect(!HTTPClient.mayAsk(url))
    }
}

@Suite(.timeLimit(.minutes(5))) struct HTTPClientTests {
    private struct Echo: Decodable {
        let method: String
        let body: String
        let headers: [[String]]

        func value(_ name: String) -> String? { headers.first { $0[0] == name }?[1] }
    }

    /// A client with a bound of `timeout`, shut down afterwards.
    private func with(
        _ adjust: (inout HTTPClient.Configuration) -> Void = { _ in }, _ body: (HTTPClient) async throws -> Void
    ) async throws {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = soon
        adjust(&configuration)
        let client = HTTPClient(configuration)
        let result: Result<Void, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        client.shutdown()
        try result.get()
    }

    private func failure(_ body: () async throws -> HTTPReply) async -> HTTPClientError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? HTTPClientError)?.code
        }
    }

    @Test func getsAndPosts() async throws {
        try await PythonServer.running { server in
            try await with { client in
                let got = try await client.get(
                    server.url("/echo"), headers: [("Accept", "application/json"), ("X-Empty", "")])
                #expect(got.status == 200 && got[header: "content-type"] == "application/json")
                #expect(got[header: "x-twice"] == "a, b" && got[header: "x-none"] == nil)
                let echo = try JSONDecoder().decode(Echo.self, from: Data(got.body))
                #expect(echo.method == "GET" && echo.value("accept") == "application/json")
                #expect(echo.value("x-empty") == "" && echo.value("user-agent") == "florin")
                #expect(echo.value("accept-encoding") == nil)

                let body = Array(#"{"a":"ä"}"#.utf8)
                let posted = try await client.post(
                    body, to: server.url("/echo"), headers: [("Content-Type", "application/json")])
                let sent = try JSONDecoder().decode(Echo.self, from: Data(posted.body))
                #expect(sent.method == "POST" && sent.body == #"{"a":"ä"}"#)
                #expect(sent.value("content-type") == "application/json" && sent.value("expect") == nil)
                let bare = try await client.post([], to: server.url("/echo"))
                let nothing = try JSONDecoder().decode(Echo.self, from: Data(bare.body))
                #expect(nothing.body.isEmpty && nothing.value("content-type") == nil)
            }
        }
    }

    @Test func anyStatusIsAnAnswerAndNoRedirectIsFollowed() async throws {
        try await PythonServer.running { server in
            try await with { client in
                for status in [204, 404, 500, 503] {
                    let reply = try await client.get(server.url("/status/\(status)"))
                    #expect(reply.status == status)
                }
                let redirect = try await client.get(server.url("/redirect"))
                #expect(redirect.status == 302 && redirect[header: "location"] == "/echo")
                #expect(redirect.body == Array("elsewhere".utf8))
            }
        }
    }

    @Test func takesNoMoreThanItMay() async throws {
        try await PythonServer.running { server in
            try await with {
                $0.maximumBytes = 1000
            } _: { client in
                let whole = try await client.get(server.url("/bytes/1000"))
                #expect(whole.body.count == 1000)
                for path in ["/bytes/1001", "/bytes/1000000000", "/endless", "/head"] {
                    #expect(await failure { try await client.get(server.url(path)) } == .tooLarge, "\(path)")
                }
            }
        }
    }

    @Test(arguments: ["/stall", "/drip"]) func theBoundOfTimeCoversEverything(path: String) async throws {
        try await PythonServer.running { server in
            try await with {
                $0.timeout = .milliseconds(500)
            } _: { client in
                let began = ContinuousClock.now
                #expect(await failure { try await client.get(server.url(path)) } == .timedOut)
                #expect(ContinuousClock.now - began < soon)
            }
        }
    }

    @Test func whatWaitsTooLongOrIsTooMuchIsRefused() async throws {
        try await PythonServer.running { server in
            try await with {
                $0.connections = 1
                $0.queueLimit = 1
                $0.timeout = .seconds(2)
            } _: { client in
                let codes = await withTaskGroup(of: HTTPClientError.Code?.self) { group in
                    for _ in 0..<6 {
                        group.addTask { await self.failure { try await client.get(server.url("/stall")) } }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                // Whether one that is refused came before or after the thread took the first is a matter of chance.
                #expect(codes.allSatisfy { $0 == .timedOut || $0 == .overloaded })
                #expect((1...2).contains(codes.count { $0 == .timedOut }))
            }
        }
    }

    @Test func aCancelledTaskAndAShutDownEndRequests() async throws {
        try await PythonServer.running { server in
            let client = HTTPClient()
            let cancelled = Task { await failure { try await client.get(server.url("/drip")) } }
            let other = Task { await failure { try await client.get(server.url("/drip")) } }
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            client.shutdown()
            #expect(await other.value == .cancelled)
            #expect(await failure { try await client.get(server.url("/echo")) } == .cancelled)
        }
    }

    @Test func nobodyThereIsUnreachable() async throws {
        try await with { client in
            var port = 0
            try await PythonServer.running { port = $0.port }
            #expect(await failure { try await client.get("http://127.0.0.1:\(port)/") } == .unreachable)
            #expect(await failure { try await client.get("http://example.org/") } == .invalidRequest)
            #expect(
                await failure { try await client.get("https://localhost:\(port)/", headers: [("A", "b\r\nC: d")]) }
                    == .invalidRequest)
        }
    }

    @Test func certificatesAreChecked() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "florin-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await PythonServer.running(["--tls", folder.path]) { server in
            let authority = folder.appending(path: "ca.pem").path
            try await with {
                $0.certificateAuthority = authority
            } _: { client in
                let reply = try await client.get(server.url("/echo", scheme: "https"))
                #expect(reply.status == 200)
                // The certificate is for 127.0.0.1.
                #expect(
                    await failure { try await client.get("https://localhost:\(server.port)/echo") } == .tlsFailed)
            }
            try await with { client in
                #expect(await failure { try await client.get(server.url("/echo", scheme: "https")) } == .tlsFailed)
            }
        }
    }

    /// The environment of this process names a proxy that does not exist: nobody asks it.
    @Test func noProxyOfTheEnvironmentIsUsed() async throws {
        let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        try await PythonServer.running { server in
            for name in names { _ = unsafe setenv(name, "http://127.0.0.1:1", 1) }
            defer { for name in names { _ = unsafe unsetenv(name) } }
            try await with { client in
                let reply = try await client.get(server.url("/echo"))
                #expect(reply.status == 200)
            }
        }
    }
}
