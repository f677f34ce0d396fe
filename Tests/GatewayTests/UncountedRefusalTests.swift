import Contracts
import EventLoop
import GatewayAPI
import HTTPServer
import HTTPTesting
import TestKit
import Testing

/// What the HTTP server refuses by itself tells what the client's address has left, and takes nothing of it.
@Suite(.timeLimit(.minutes(5))) struct UncountedRefusalTests {
    /// What breaks a rule, and the server that is needed for it.
    private struct Offence: Sendable {
        let rule: HTTPRefusal.Rule
        let text: String
        var server: @Sendable (inout HTTPServer.Configuration) -> Void = { _ in }

        init(
            _ rule: HTTPRefusal.Rule, _ line: String, _ fields: String = "", host: String = "Host: a\r\n",
            body: String = "",
            server: @escaping @Sendable (inout HTTPServer.Configuration) -> Void = { _ in }
        ) {
            self.init(rule, text: "\(line) HTTP/1.1\r\n\(host)\(fields)\r\n\(body)", server: server)
        }

        init(
            _ rule: HTTPRefusal.Rule, text: String,
            server: @escaping @Sendable (inout HTTPServer.Configuration) -> Void = { _ in }
        ) {
            self.rule = rule
            self.text = text
            self.server = server
        }
    }

    private static let long = String(repeating: "x", count: 17_000)
    private static let login = "POST /v1/auth/login"
    private static let chunked = "Transfer-Encoding: chunked\r\n"

    /// One of each rule, but for those that time and many clients break.
    private static let offences = [
        Offence(.malformedRequestLine, text: "GET /\r\nHost: a\r\n\r\n"),
        Offence(.bareLineFeed, text: "GET / HTTP/1.1\nHost: a\n\n"),
        Offence(.forbiddenByte, "GET /", "X: \u{1}\r\n"),
        Offence(.unknownMethod, "BREW /"),
        Offence(.unsupportedVersion, text: "GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        Offence(.malformedTarget, "GET /%zz"),
        Offence(.requestLineTooLong, "GET /\(long)"),
        Offence(.headersTooLarge, "GET /", "X: \(long)\r\n"),
        Offence(.tooManyHeaders, "GET /", String(repeating: "X: y\r\n", count: 100)),
        Offence(.malformedField, "GET /", "X : y\r\n"),
        Offence(.foldedField, "GET /", "X: y\r\n z\r\n"),
        Offence(.missingHost, "GET /", host: ""),
        Offence(.duplicateHost, "GET /", "Host: a\r\n"),
        Offence(.invalidHost, "GET /", host: "Host: a b\r\n"),
        Offence(.duplicateContentLength, login, "Content-Length: 1\r\nContent-Length: 1\r\n"),
        Offence(.invalidContentLength, login, "Content-Length: +1\r\n"),
        Offence(.ambiguousFraming, login, "Content-Length: 1\r\n\(chunked)"),
        Offence(.invalidTransferEncoding, login, "Transfer-Encoding: chunked, gzip\r\n"),
        Offence(.unsupportedTransferEncoding, login, "Transfer-Encoding: gzip, chunked\r\n"),
        Offence(.malformedChunk, login, chunked, body: "x\r\n"),
        Offence(
            .excessiveFraming, login, chunked,
            body: String(repeating: "1;\(String(repeating: "x", count: 200))\r\na\r\n", count: 200)),
        Offence(.bodyTooLarge, login, "Content-Length: 1048577\r\n"),
        Offence(.unknownExpectation, login, "Expect: 200-ok\r\n"),
    ]

    /// Those that need a server of their own.
    private static let others = [
        Offence(.headTimeout, text: "GET /") { $0.headTimeout = .milliseconds(300) },
        Offence(.bodyTimeout, login, "Content-Length: 1\r\n") { $0.bodyTimeout = .milliseconds(100) },
        Offence(.tooManyConnections, text: "") { $0.maxConnections = 1 },
        Offence(.tooManyBodies, login, "Content-Length: 2\r\n", body: "x") { $0.maxHeldBodies = 0 },
    ]

    @Test func everyRuleHasAnOffence() {
        let rules = (Self.offences + Self.others).map(\.rule) + [.handlerTimeout]
        #expect(Set(rules) == Set(HTTPRefusal.Rule.allCases) && rules.count == Set(rules).count)
    }

    @Test func nothingIsTakenAndAllIsTold() async throws {
        let clock = MovedClock()
        let limiter = MemoryRateLimiter { clock.now }
        try await GatewayBench.run({
            $0.limits = RateLimits(user: 9, anonymous: 2, signIn: 9)
            $0.limiter = limiter
        }) { bench in
            for offence in Self.offences { try await Self.expect(offence, #""anonymous";r=2;t=0"#, bench) }
            // Those who only send garbage are not even known.
            #expect(limiter.subjects == 0)
            #expect(try await bench.send("GET", "/nowhere")["ratelimit"] == #""anonymous";r=1;t=60"#)
            clock.advance(.seconds(20))
            for offence in Self.offences { try await Self.expect(offence, #""anonymous";r=1;t=40"#, bench) }
            #expect(try await bench.send("GET", "/nowhere")["ratelimit"] == #""anonymous";r=0;t=40"#)
            #expect(try await bench.send("GET", "/nowhere").status == 429)
            // What is wrong with a request is told to those, too, who have nothing left.
            for offence in Self.offences { try await Self.expect(offence, #""anonymous";r=0;t=40"#, bench) }
            clock.advance(.seconds(40))
            try await Self.expect(Self.offences[0], #""anonymous";r=1;t=20"#, bench)
            #expect(limiter.subjects == 1)
        }
    }

    @Test(arguments: others.indices)
    func slowAndCrowdedOut(_ index: Int) async throws {
        let offence = Self.others[index]
        try await GatewayBench.run({
            $0.limits = RateLimits(user: 9, anonymous: 2, signIn: 9)
            $0.server = offence.server
        }) { bench in
            var first: SocketClient?
            if offence.rule == .tooManyConnections {
                first = try SocketClient(bench.address)
                try await eventually("it is served") { bench.server.statistics.connections == 1 }
            }
            try await Self.expect(offence, #""anonymous";r=2;t=0"#, bench)
            withExtendedLifetime(first) {}
        }
    }

    /// A request that was given up had been counted, for its user; the address has not been heard of.
    @Test func aRequestThatIsGivenUp() async throws {
        let limiter = MemoryRateLimiter()
        try await Replica.with(1, .hangs) { replicas in
            try await GatewayBench.run({
                $0.addresses["expense"] = replicas.map(\.address)
                $0.limits = RateLimits(user: 9, anonymous: 2, signIn: 9)
                $0.limiter = limiter
                $0.server = { $0.handlerTimeout = .milliseconds(300) }
            }) { bench in
                let answer = try await bench.send("GET", "/v1/expenses", token: bench.tokens.make())
                #expect(answer.status == 503)
                #expect(try answer.json("code") == "overloaded")
                #expect(answer["ratelimit-policy"] == #""anonymous";q=2;w=60"#)
                #expect(answer["ratelimit"] == #""anonymous";r=2;t=0"#)
                #expect(limiter.subjects == 1)
            }
        }
    }

    /// What was refused on a connection of a proxy is told about the client where the head could be read, else about the proxy.
    @Test func behindAProxy() async throws {
        let block = try #require(AddressBlock(parsing: "127.0.0.0/8"))
        try await GatewayBench.run({
            $0.limits = RateLimits(user: 9, anonymous: 2, signIn: 9)
            $0.proxies = TrustedProxies(blocks: [block], field: .addresses)
        }) { bench in
            let client = "X-Forwarded-For: 192.0.2.1"
            #expect(try await bench.send("GET", "/nowhere", headers: [client]).status == 404)
            let read = Offence(.bodyTooLarge, Self.login, "\(client)\r\nContent-Length: 1048577\r\n")
            #expect(try await Self.answer(to: read, bench)["ratelimit"]?.hasPrefix(#""anonymous";r=1;"#) == true)
            let unread = Offence(.unknownMethod, "BREW /", "\(client)\r\n")
            try await Self.expect(unread, #""anonymous";r=2;t=0"#, bench)
        }
    }

    /// The same over HTTP/2, by curl.
    @Test func overHTTP2() async throws {
        let clock = MovedClock()
        try await GatewayBench.run({
            $0.limits = RateLimits(user: 9, anonymous: 2, signIn: 9)
            $0.limiter = MemoryRateLimiter { clock.now }
        }) { bench in
            #expect(try await bench.send("GET", "/nowhere").status == 404)
            let url = "http://\(bench.address)"
            for (options, status) in [
                (["\(url)/%zz"], 400), (["-X", "BREW", url], 501), (["\(url)/\(Self.long)"], 414),
                (["-H", "X: \(Self.long)", url], 431), (["-H", "Expect: 200-ok", url], 417),
            ] {
                let output = try await curl(["-i", "--http2-prior-knowledge", "--path-as-is"] + options).output
                #expect(output.hasPrefix("HTTP/2 \(status)"), "\(status): \(output.prefix(200))")
                #expect(output.contains("ratelimit-policy: \"anonymous\";q=2;w=60\r\n"), "\(status)")
                #expect(output.contains("ratelimit: \"anonymous\";r=1;t=60\r\n"), "\(status)")
            }
        }
    }

    private static func expect(_ offence: Offence, _ limit: String, _ bench: GatewayBench) async throws {
        let answer = try await answer(to: offence, bench)
        #expect(answer.status == HTTPRefusal(offence.rule).status, "\(offence.rule)")
        #expect(answer["ratelimit-policy"] == #""anonymous";q=2;w=60"#, "\(offence.rule)")
        #expect(answer["ratelimit"] == limit, "\(offence.rule)")
        #expect(
            answer["content-type"] == "application/problem+json" && answer["x-request-id"] != nil, "\(offence.rule)")
        #expect(try bench.accessLog().last?.rule == "\(offence.rule)")
    }

    private static func answer(to offence: Offence, _ bench: GatewayBench) async throws -> Answer {
        // Where the first byte is late, on a busy machine, a connection may end without a word.
        while true {
            let client = try SocketClient(bench.address)
            try await client.send(offence.text)
            do {
                let answer = try await client.answer()
                #expect(try await client.isClosed())
                return answer
            } catch SocketClient.Failure.closed { continue }
        }
    }
}
