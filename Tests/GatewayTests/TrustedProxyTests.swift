import Contracts
import EventLoop
import HTTPServer
import HTTPTesting
import Testing

@testable import GatewayAPI

/// Whose word is taken for where a request comes from. The trusted proxies are 10.0.0.0/8 and 2001:db8::/32.
@Suite struct TrustedProxyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var peer = "10.0.0.1"
        let values: [String]
        let client: String

        var testDescription: String { "\(peer): \(values)" }
    }

    private static let blocks = ["10.0.0.0/8", "2001:db8::/32"].compactMap { AddressBlock(parsing: $0) }
    private static let garbage = [
        "unknown", "_hidden", "", "1.2.3", "1.2.3.4.5", "localhost", "1.2.3.4 5", "[1.2.3.4]", "[::1", "::1]:80",
        "1.2.3.4:",
        "[::1]80", "\"1.2.3.4\"", "٣.1.2.3", ":80", "%31.2.3.4",
    ]

    private func client(_ test: Case, _ name: String, _ field: TrustedProxies.Field) throws -> String {
        let proxies = TrustedProxies(blocks: Self.blocks, field: field)
        var headers = HTTPHeaders()
        for value in test.values { headers.append(name, value) }
        return proxies.client(behind: try #require(.init(parsing: test.peer)), headers).description
    }

    static let lists = [
        Case(values: [], client: "10.0.0.1"),
        Case(values: ["192.0.2.1"], client: "192.0.2.1"),
        Case(values: ["192.0.2.1:4711"], client: "192.0.2.1"),
        Case(values: [" 2001:DB7::1\t"], client: "2001:db7::1"),
        Case(values: ["[2001:db7::1]:443"], client: "2001:db7::1"),
        Case(values: ["::ffff:192.0.2.1"], client: "192.0.2.1"),
        // What the client has made up stands on the left of what the proxy has seen.
        Case(values: ["8.8.8.8, 192.0.2.1"], client: "192.0.2.1"),
        Case(values: ["10.0.0.9, 192.0.2.1"], client: "192.0.2.1"),
        Case(values: ["8.8.8.8", "192.0.2.1"], client: "192.0.2.1"),
        // Several proxies, one behind the other.
        Case(values: ["8.8.8.8, 192.0.2.1, 10.0.0.2"], client: "192.0.2.1"),
        Case(values: ["192.0.2.1,10.0.0.2", "2001:db8::7"], client: "192.0.2.1"),
        Case(peer: "2001:db8::1", values: ["192.0.2.1"], client: "192.0.2.1"),
        // All are proxies: the outermost asks for itself.
        Case(values: ["10.0.0.3, 10.0.0.2"], client: "10.0.0.3"),
        // What cannot be told ends the search at what is known.
        Case(values: ["192.0.2.1, unknown, 10.0.0.2"], client: "10.0.0.2"),
        // Nobody else is believed.
        Case(peer: "11.0.0.1", values: ["192.0.2.1"], client: "11.0.0.1"),
        Case(peer: "::1", values: ["192.0.2.1"], client: "::1"),
    ]

    @Test(arguments: lists + garbage.map { Case(values: ["192.0.2.1, \($0)"], client: "10.0.0.1") })
    func addresses(_ test: Case) throws {
        #expect(try client(test, "X-Forwarded-For", .addresses) == test.client)
        // The other field is the client's own word.
        #expect(try client(test, "X-Forwarded-For", .forwarded) == test.peer)
    }

    @Test(arguments: [
        Case(values: [], client: "10.0.0.1"),
        Case(values: ["for=192.0.2.1"], client: "192.0.2.1"),
        Case(values: ["For=\"192.0.2.1:4711\";by=10.0.0.1;proto=https"], client: "192.0.2.1"),
        Case(values: ["proto=https; host=\"a;b,c\\\"d\"; FOR=\"[2001:db7::1]:443\""], client: "2001:db7::1"),
        Case(values: ["for=\"[2001:db7::\\1]\""], client: "2001:db7::1"),
        Case(values: ["for=8.8.8.8, for=192.0.2.1 ,, for=10.0.0.2;"], client: "192.0.2.1"),
        Case(values: ["for=8.8.8.8", "for=192.0.2.1, for=\"[2001:db8::7]:_x\""], client: "192.0.2.1"),
        Case(values: ["for=192.0.2.1, for=_hidden, for=10.0.0.2"], client: "10.0.0.2"),
        Case(values: ["for=192.0.2.1, for=unknown"], client: "10.0.0.1"),
        Case(values: ["for=192.0.2.1, proto=http"], client: "10.0.0.1"),
        Case(values: ["for=192.0.2.1, for=1.2.3.4;for=5.6.7.8"], client: "10.0.0.1"),
        Case(values: ["for=2001:db7::1"], client: "10.0.0.1"),
        Case(values: ["192.0.2.1"], client: "10.0.0.1"),
        // A quote left open by the client swallows what the proxy has added.
        Case(values: ["for=\", for=192.0.2.1"], client: "10.0.0.1"),
        Case(values: ["for=", "for=192.0.2.1"], client: "10.0.0.1"),
        Case(values: ["for=\"192.0.2.1\\"], client: "10.0.0.1"),
        Case(values: ["for=192.0.2.1 for=1.2.3.4"], client: "10.0.0.1"),
        Case(peer: "11.0.0.1", values: ["for=192.0.2.1"], client: "11.0.0.1"),
    ])
    func forwarded(_ test: Case) throws {
        #expect(try client(test, "Forwarded", .forwarded) == test.client)
        #expect(try client(test, "Forwarded", .addresses) == test.peer)
    }

    @Test func withoutProxiesNobodyIsBelieved() throws {
        let headers: HTTPHeaders = ["X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1"]
        #expect(TrustedProxies.none.client(behind: .v4(0x7F00_0001), headers) == .v4(0x7F00_0001))
    }
}

/// The same through the gateway: who is counted, and whose address a session gets.
@Suite(.timeLimit(.minutes(5))) struct ProxiedClientTests {
    private static let loopback = AddressBlock(parsing: "127.0.0.0/8").map { [$0] } ?? []

    private func ask(_ bench: GatewayBench, _ client: String) async throws -> Answer {
        try await bench.send("GET", "/openapi.json", headers: ["X-Forwarded-For: 6.6.6.6, \(client)"])
    }

    @Test func eachClientOfAProxyIsCountedApart() async throws {
        try await GatewayBench.run({
            $0.limits = RateLimits(user: 10, anonymous: 2, signIn: 1)
            $0.proxies = TrustedProxies(blocks: Self.loopback, field: .addresses)
        }) { bench in
            for client in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"] {
                let fields = try await ask(bench, client)["ratelimit"]
                #expect(fields?.hasPrefix(#""anonymous";r=1;"#) == true)
            }
            // A /64 network is one client.
            #expect(try await ask(bench, "2001:db8:0:1:ffff::2").status == 200)
            #expect(try await ask(bench, "2001:db8:0:1::3").status == 429)
            #expect(try await ask(bench, "192.0.2.1").status == 200)
            #expect(try await ask(bench, "192.0.2.1").status == 429)
            #expect(try await ask(bench, "192.0.2.3").status == 200)

            bench.services.on("Login") { (_: LoginRequest, _) in SignIn(accessToken: "t") }
            let login = #"{"email":"a@example.org","password":"x"}"#
            for (client, status) in [("192.0.2.1", 200), ("192.0.2.1", 429), ("192.0.2.9", 200)] {
                let answer = try await bench.send(
                    "POST", "/v1/auth/login", headers: ["X-Forwarded-For: \(client)"], body: login)
                #expect(answer.status == status)
            }
            #expect(bench.services.received.last?.metadata["florin-client-address"] == "192.0.2.9")
        }
    }

    @Test func whoIsNoProxyIsNotBelieved() async throws {
        try await GatewayBench.run({ $0.limits = RateLimits(user: 10, anonymous: 2, signIn: 1) }) { bench in
            var statuses: [Int] = []
            for client in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
                statuses.append(try await ask(bench, client).status)
            }
            #expect(statuses == [200, 200, 429])
        }
    }

    /// A proxy holds the connections of all its clients.
    @Test func aProxyMayHaveManyConnections() async throws {
        try await GatewayBench.run({
            $0.proxies = TrustedProxies(blocks: Self.loopback, field: .addresses)
            $0.server = { $0.maxConnectionsPerAddress = 2 }
        }) { bench in
            var clients: [SocketClient] = []
            for _ in 0..<5 {
                let client = try SocketClient(bench.address)
                try await client.send(bench.request("GET", "/openapi.json"))
                #expect(try await client.answer().status == 200)
                clients.append(client)
            }
            #expect(bench.server.statistics.connections == 5)
        }
    }
}
