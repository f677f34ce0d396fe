import Contracts
import GatewayAPI
import HTTPTesting
import Testing

/// What all answers have in common: coding, origins, fields.
@Suite(.timeLimit(.minutes(5))) struct ResponseTests {
    @Test(
        arguments: [
            ([], false), ([""], false), (["gzip"], true), (["GZIP"], true), (["x-gzip"], true), (["br, gzip"], true),
            (["br", "gzip;q=0.1"], true), (["gzip;q=0"], false), (["gzip; q=0.000"], false), (["*"], true),
            (["*;q=0"], false), (["gzip;q=0, *"], false), (["identity;q=0.5, *;q=0"], false), (["br"], false),
            (["gzip;q=1.000"], true), (["gzipped"], false), (["gzip;q=0.5, identity"], false),
            (["gzip, identity;q=0.5"], true),
            (["gzip;q=0.5, identity;q=0.5"], true), (["identity;q=0.2, *;q=0.1"], false), (["gzip;q=0.001"], true),
            (["gzip;q=1.001"], false), (["gzip;q=x"], false), (["gzip;q="], false), (["gzip\t;\tQ=0.3"], true),
            (["identity;q=0, gzip;q=0.1"], true), (["gzip;q=0.0004"], false),
        ] as [([String], Bool)])
    func acceptEncoding(_ values: [String], _ allows: Bool) {
        #expect(ContentCoding.allowsGzip(values) == allows)
    }

    private static let long = ExpenseList(
        data: (0..<40).map { Expense(id: "\($0)", kind: "expense", merchant: "Corner shop", note: "é \($0)") })

    @Test func longAnswersAreCompressedForThoseWhoAsk() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in Self.long }
            bench.services.on("GetExpense") { (_: GetExpenseRequest, _) in
                Expense(id: "1", note: String(repeating: "long ", count: 1000), version: 3)
            }
            let token = try bench.tokens.make()
            let plain = try await bench.send("GET", "/v1/expenses", token: token)
            #expect(plain["content-encoding"] == nil && plain["vary"] == "Accept-Encoding")
            let coded = try await bench.send("HEAD", "/v1/expenses", token: token, headers: ["Accept-Encoding: gzip"])
            #expect(coded["content-encoding"] == "gzip" && coded["vary"] == "Accept-Encoding")
            let length = try #require(coded["content-length"].flatMap { Int($0) })
            #expect(length > 100 && length < plain.body.utf8.count / 4)
            let read = try await curl([
                "--compressed", "-H", "Authorization: Bearer \(token)", "http://\(bench.address)/v1/expenses",
            ]).output
            #expect(read == plain.body)
            // Its tag names a version, which is the same whatever the coding.
            let single = try await bench.send("GET", "/v1/expenses/1", token: token, headers: ["Accept-Encoding: gzip"])
            #expect(single["etag"] == #""3""# && single["content-encoding"] == nil)
            let short = try await bench.send("GET", "/nowhere", headers: ["Accept-Encoding: gzip"])
            #expect(short["content-encoding"] == nil && short["vary"] == nil)
            // What is made as it is sent goes out at once.
            for path in ["/v1/events/stream", "/v1/users/me/export"] {
                bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
                let stream = try await bench.send("GET", path, token: token, headers: ["Accept-Encoding: gzip"])
                #expect(stream.status == 200 && stream["content-encoding"] == nil, "\(path)")
                #expect(stream["transfer-encoding"] == "chunked", "\(path)")
            }
        }
    }

    @Test func documentsHaveATagForEachCoding() async throws {
        try await GatewayBench.run { bench in
            let plain = try await bench.send("HEAD", "/openapi.json")
            let coded = try await bench.send("HEAD", "/openapi.json", headers: ["Accept-Encoding: gzip"])
            let (tag, codedTag) = (try #require(plain["etag"]), try #require(coded["etag"]))
            #expect(tag != codedTag && coded["content-encoding"] == "gzip" && plain["content-encoding"] == nil)
            #expect(plain["vary"] == "Accept-Encoding" && coded["vary"] == "Accept-Encoding")
            for (accept, given, status) in [
                ("gzip", codedTag, 304), ("gzip", tag, 200), ("br", tag, 304), ("br", codedTag, 200),
            ] {
                let answer = try await bench.send(
                    "HEAD", "/openapi.json", headers: ["Accept-Encoding: \(accept)", "If-None-Match: \(given)"])
                #expect(answer.status == status && answer["vary"] == "Accept-Encoding", "\(accept) \(given)")
            }
            let read = try await curl(["--compressed", "http://\(bench.address)/openapi.json"]).output
            #expect(read == OpenAPIDocument.json)
        }
    }

    @Test(
        arguments: [
            ("", true), ("*", true), ("https://app.example", true),
            ("http://localhost:5173, https://a.b-c.example", true),
            ("https://[::1]:8080", true), ("app.example", false), ("https://app.example/", false),
            ("https://App.example", false), ("ftp://app.example", false), ("https://", false), ("null", false),
        ] as [(String, Bool)])
    func origins(_ text: String, _ isOne: Bool) {
        #expect((CrossOriginPolicy(parsing: text) != nil) == isOne)
    }

    private static let preflight = ["Origin: https://app.example", "Access-Control-Request-Method: POST"]

    @Test func noPageOfAnotherOriginIsLetInUnlessConfigured() async throws {
        try await GatewayBench.run { bench in
            for answer in [
                try await bench.send("OPTIONS", "/v1/expenses", headers: Self.preflight),
                try await bench.send("GET", "/openapi.json", headers: Self.preflight),
            ] {
                #expect(!answer.headers.contains { $0.name.hasPrefix("access-control-") })
            }
        }
    }

    @Test func configuredOriginsAreLetIn() async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "https://app.example,https://other.example"))
        try await GatewayBench.run({ $0.rules.crossOrigin = policy }) { bench in
            let asked = try await bench.send("OPTIONS", "/v1/expenses", headers: Self.preflight)
            #expect(asked.status == 204 && asked["access-control-allow-origin"] == "https://app.example")
            #expect(asked["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS")
            #expect(asked["access-control-allow-headers"]?.contains("Authorization") == true)
            #expect(asked["access-control-max-age"] == "600" && asked["vary"] == "Origin")
            #expect(asked["access-control-allow-credentials"] == nil)

            let refused = try await bench.send("GET", "/v1/expenses", headers: ["Origin: https://other.example"])
            #expect(refused.status == 401 && refused["access-control-allow-origin"] == "https://other.example")
            #expect(refused["access-control-expose-headers"]?.contains("X-Request-Id") == true)
            for origin in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"] {
                let answer = try await bench.send("OPTIONS", "/v1/expenses", headers: ["Origin: \(origin)"])
                #expect(answer["access-control-allow-origin"] == nil && answer["vary"] == "Origin", "\(origin)")
            }
        }
    }

    @Test func anyOriginCanBeLetIn() async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "*"))
        try await GatewayBench.run({ $0.rules.crossOrigin = policy }) { bench in
            let answer = try await bench.send("GET", "/", headers: ["Origin: https://anywhere.example"])
            #expect(answer["access-control-allow-origin"] == "*" && answer["access-control-expose-headers"] != nil)
            let own = try await bench.send("GET", "/")
            #expect(own["access-control-allow-origin"] == nil)
        }
    }

    /// Every path of the API answers OPTIONS with its methods, and HEAD as GET does.
    @Test func everyPathTellsItsMethods() async throws {
        try await GatewayBench.run { bench in
            let token = try bench.tokens.make(roles: ["user", "admin"])
            for route in GatewayRoutes.all {
                let path = route.path.replacing("{", with: "").replacing("}", with: "")
                let options = try await bench.send("OPTIONS", path)
                let methods = options["allow"]?.split(separator: ", ").map(String.init) ?? []
                #expect(options.status == 204 && methods.contains(route.method), "\(route.path)")
                #expect(methods.contains("HEAD") == methods.contains("GET"), "\(route.path)")
                let head = try await bench.send("HEAD", path, token: token)
                #expect((head.status == 405) == !methods.contains("GET"), "\(route.path)")
            }
        }
    }

    @Test func everyAnswerHasTheSecurityFields() async throws {
        try await GatewayBench.run({ $0.rules.isSecure = true }) { bench in
            for (method, path) in [
                ("GET", "/"), ("GET", "/v1/expenses"), ("GET", "/nowhere"), ("OPTIONS", "/v1/expenses"),
            ] {
                let answer = try await bench.send(method, path)
                #expect(answer["x-content-type-options"] == "nosniff" && answer["x-frame-options"] == "DENY")
                #expect(answer["referrer-policy"] == "no-referrer", "\(path)")
                #expect(answer["cross-origin-resource-policy"] == "same-origin", "\(path)")
                #expect(answer["content-security-policy"]?.hasPrefix("default-src 'none'") == true, "\(path)")
                #expect(answer["strict-transport-security"] == "max-age=31536000", "\(path)")
                #expect(answer["cache-control"] == (path == "/" ? "public, max-age=300" : "no-store"), "\(path)")
            }
        }
        try await GatewayBench.run { bench in
            let answer = try await bench.send("GET", "/")
            #expect(answer["strict-transport-security"] == nil)
        }
    }
}
