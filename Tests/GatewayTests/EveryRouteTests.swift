import Contracts
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Testing
import Validation

/// The rules of header fields on every route of the document: a route that is added is judged with the others.
@Suite(.timeLimit(.minutes(5))) struct EveryRouteTests {
    private let operations: [ContractOperation]

    init() throws {
        operations = try ContractOperation.all()
        #expect(operations.count > 60)
    }

    private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"]

    /// A gateway whose services answer everything, and a token for everything.
    private func withGateway(
        _ adjust: (inout GatewayBench.Options) -> Void = { _ in },
        _ body: (GatewayBench, String) async throws -> Void
    ) async throws {
        try await GatewayBench.run(adjust) { bench in
            bench.services.answersEverything()
            bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
            let scopes = Set(GatewayRoutes.all.compactMap(\.scope)).union(["events:read"])
            try await body(bench, bench.tokens.make(roles: ["user", "admin"], scopes: Array(scopes)))
        }
    }

    private func send(
        _ operation: ContractOperation, to bench: GatewayBench, _ token: String?, _ headers: [String] = [],
        method: String? = nil
    ) async throws -> Answer {
        try await bench.send(
            method ?? operation.method, operation.target, token: operation.needsToken ? token : nil, headers: headers,
            body: operation.body, type: operation.bodyType)
    }

    /// What every answer has, whatever it is an answer to.
    private func checkCommonFields(_ answer: Answer, _ what: String, requestID: String? = nil) {
        #expect(answer["x-content-type-options"] == "nosniff" && answer["x-frame-options"] == "DENY", "\(what)")
        #expect(answer["referrer-policy"] == "no-referrer", "\(what)")
        #expect(answer["cross-origin-resource-policy"] == "same-origin", "\(what)")
        #expect(answer["content-security-policy"]?.hasPrefix("default-src 'none'") == true, "\(what)")
        #expect(answer["strict-transport-security"] == "max-age=31536000", "\(what)")
        #expect(answer["date"] != nil, "\(what)")
        #expect(requestID == nil ? answer["x-request-id"] != nil : answer["x-request-id"] == requestID, "\(what)")
        let policy = answer["ratelimit-policy"]?.wholeMatch(of: /"([a-z-]+)";q=10000;w=60/)?.1
        let left = answer["ratelimit"]?.wholeMatch(of: /"([a-z-]+)";r=\d+;t=\d+/)?.1
        #expect(policy != nil && policy == left, "\(what)")
        // Each field once.
        let names = answer.headers.map(\.name).filter { $0 != "vary" }
        #expect(Set(names).count == names.count, "\(what)")
    }

    @Test func anAnswerHasTheFieldsOfTheDocument() async throws {
        try await withGateway({ $0.rules.isSecure = true }) { bench, token in
            for operation in operations {
                let answer = try await send(operation, to: bench, token, ["X-Request-Id: r.1:2_3-4"])
                #expect(answer.status == operation.status, "\(operation) \(answer.body.prefix(300))")
                checkCommonFields(answer, "\(operation)", requestID: "r.1:2_3-4")
                let missing = operation.answerFields.filter { answer[$0] == nil }
                #expect(missing.isEmpty, "\(operation)")
                let type = answer["content-type"].map { $0.prefix { $0 != ";" } }
                #expect(type.map(String.init) == operation.answerType, "\(operation)")
                let isPersonal = operation.route.hasPrefix("/v1/")
                #expect((answer["cache-control"] == "no-store") == isPersonal, "\(operation)")
                let location = answer["location"]
                #expect((location != nil) == operation.answerFields.contains("location"), "\(operation)")
                #expect(
                    location?.hasPrefix("/v1/") != false && (location == nil || answer.status == 201), "\(operation)")
                if operation.status == 204 { #expect(answer["content-length"] == nil && answer["content-type"] == nil) }
            }
        }
    }

    @Test func headAnswersAsGetWithoutABody() async throws {
        try await withGateway { bench, token in
            for operation in operations where operation.method == "GET" {
                let answers = [
                    try await send(operation, to: bench, token),
                    try await send(operation, to: bench, token, method: "HEAD"),
                ]
                #expect(answers[0].status == answers[1].status, "\(operation)")
                // An event stream ends with its connection, which HEAD has no reason to.
                let differing: Set = ["date", "ratelimit", "x-request-id", "connection"]
                let fields = answers.map { $0.headers.filter { !differing.contains($0.name) } }
                    .map { $0.map { "\($0.name): \($0.value)" }.sorted() }
                #expect(fields[0] == fields[1], "\(operation)")
            }
        }
    }

    @Test func everyPathTellsItsMethodsAndRefusesOthers() async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "https://app.example"))
        try await withGateway({
            $0.rules.crossOrigin = policy
            $0.rules.isSecure = true
        }) { bench, token in
            for route in Set(operations.map(\.route)) {
                let target = try #require(operations.first { $0.route == route }).target.prefix { $0 != "?" }
                let allow = ContractOperation.allow(of: route, in: operations)
                func methods(_ text: String?) -> Set<String> {
                    Set((text ?? "").split(separator: ", ").map(String.init))
                }
                let options = try await bench.send("OPTIONS", String(target))
                #expect(options.status == 204 && methods(options["allow"]) == allow, "\(route)")
                checkCommonFields(options, "OPTIONS \(route)")
                let preflight = try await bench.send(
                    "OPTIONS", String(target),
                    headers: ["Origin: https://app.example", "Access-Control-Request-Method: GET"])
                #expect(methods(preflight["access-control-allow-methods"]) == allow, "\(route)")
                #expect(
                    preflight["access-control-allow-credentials"] == nil && preflight["vary"] == "Origin", "\(route)")
                for method in Self.methods where !allow.contains(method) {
                    let answer = try await bench.send(method, String(target), token: token)
                    #expect(answer.status == 405 && methods(answer["allow"]) == allow, "\(method) \(route)")
                    checkCommonFields(answer, "\(method) \(route)")
                }
            }
        }
    }

    @Test func whatIsNotTakenIsRefused() async throws {
        try await withGateway({ $0.rules.isSecure = true }) { bench, token in
            for operation in operations {
                var cases: [(headers: [String], type: String?, body: String?, status: Int)] = [
                    (["Accept: image/png"], operation.bodyType, operation.body, 406)
                ]
                if let body = operation.body {
                    let other =
                        operation.bodyType == "application/json" ? "text/plain" : "multipart/form-data; boundary=x"
                    cases.append(([], other, body, 415))
                    cases.append(([], nil, body, 415))
                    cases.append((["Content-Encoding: gzip"], operation.bodyType, body, 415))
                } else if operation.method == "GET" {
                    cases.append(([], "application/json", "{}", 400))
                }
                for (headers, type, body, status) in cases {
                    let answer = try await bench.send(
                        operation.method, operation.target, token: operation.needsToken ? token : nil, headers: headers,
                        body: body, type: type)
                    #expect(answer.status == status, "\(operation) \(headers) \(type ?? "-")")
                    #expect(
                        answer["content-type"] == "application/problem+json" && answer["cache-control"] == "no-store")
                    checkCommonFields(answer, "\(operation) \(status)")
                }
                if operation.needsToken {
                    let answer = try await send(operation, to: bench, nil)
                    #expect(
                        answer.status == 401 && answer["www-authenticate"] == #"Bearer realm="florin""#, "\(operation)")
                    #expect(answer["cache-control"] == "no-store", "\(operation)")
                    checkCommonFields(answer, "\(operation) 401")
                }
            }
        }
    }

    /// 304 has the fields that 200 would have had and that a cache goes by (RFC 9110 section 15.4.5).
    @Test func aClientThatHasTheVersionIsToldSo() async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "https://app.example"))
        try await withGateway({ $0.rules.crossOrigin = policy }) { bench, token in
            let conditional = operations.filter(\.isConditional)
            #expect(conditional.count > 10 && conditional.allSatisfy { $0.method == "GET" })
            for operation in conditional {
                let whole = try await send(operation, to: bench, token)
                let tag = try #require(whole["etag"])
                for named in [tag, "W/\(tag)", "*", "\"x\", \(tag)", "\"x\",W/\(tag) , \"y\""] {
                    for method in ["GET", "HEAD"] {
                        let answer = try await send(
                            operation, to: bench, token, ["If-None-Match: \(named)"], method: method)
                        #expect(answer.status == 304, "\(operation) \(named)")
                        for name in ["etag", "cache-control", "vary", "expires", "content-location"] {
                            #expect(answer[name] == whole[name], "\(operation) \(name)")
                        }
                        #expect(
                            answer["date"] != nil && answer["content-type"] == nil && answer["content-encoding"] == nil)
                    }
                }
                for named in ["\"x\"", tag.dropFirst().dropLast() + "", "\"x\", \"y\"", ""] {
                    let answer = try await send(operation, to: bench, token, ["If-None-Match: \(named)"])
                    #expect(answer.status == 200, "\(operation) \(named)")
                }
            }
            #expect(
                operations.allSatisfy { $0.isConditional == $0.answerFields.contains("etag") || $0.method != "GET" })
        }
    }

    /// The services are told which versions may be changed: strong tags alone, several, or any.
    @Test func aChangeIsForTheVersionsThatAreNamed() async throws {
        try await withGateway { bench, token in
            let changes = operations.filter { $0.fields.contains("if-match") }
            #expect(changes.count >= 4)
            for operation in changes {
                for (value, told) in [("\"3\"", "3"), ("\"3\", W/\"4\", \"5\"", "3 5"), ("*", "*"), ("W/\"3\"", "")] {
                    let answer = try await send(operation, to: bench, token, ["If-Match: \(value)"])
                    #expect(answer.status == operation.status, "\(operation)")
                    let call = try #require(bench.services.received.last)
                    let precondition = call.metadata[VersionPrecondition.metadataName].map {
                        Set($0.split { " ,".contains($0) })
                    }
                    #expect(precondition == Set(told.split(separator: " ")), "\(operation) \(value)")
                }
            }
        }
    }

    /// What a page of another origin may send and read is what the document has.
    @Test func theFieldsOfTheDocumentAreForOtherOriginsToo() async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "https://app.example"))
        try await withGateway({ $0.rules.crossOrigin = policy }) { bench, token in
            let origin = "Origin: https://app.example"
            func names(_ text: String?) -> Set<String> {
                Set((text ?? "").lowercased().split(separator: ", ").map(String.init))
            }
            let preflight = try await bench.send(
                "OPTIONS", "/v1/expenses", headers: [origin, "Access-Control-Request-Method: POST"])
            let taken = operations.reduce(into: Set(["authorization", "content-type"])) { $0.formUnion($1.fields) }
            #expect(taken.subtracting(names(preflight["access-control-allow-headers"])) == [])
            let answer = try await bench.send("GET", "/v1/expenses", token: token, headers: [origin])
            // Without a word browsers let pages read Cache-Control, Content-Type and some more.
            let told = try ContractOperation.allAnswerFields().subtracting(["cache-control"])
            #expect(told.subtracting(names(answer["access-control-expose-headers"])) == [])
        }
    }

    /// Each route has its figures under its template, and there are none of anything else.
    @Test func everyRouteHasItsFigures() async throws {
        try await withGateway { bench, token in
            for operation in operations { _ = try await send(operation, to: bench, token) }
            for number in 0..<50 {
                _ = try await bench.send("GET", "/nowhere/\(number)?x=\(number)")
                _ = try await bench.send("GET", "/problems/made-up-\(number)")
                _ = try await SocketClient.exchange("BREW\(number) / HTTP/1.1\r\nHost: a\r\n\r\n", with: bench.address)
            }
            for method in Self.methods { _ = try await bench.send(method, "/v1/expenses/\(method)", token: token) }
            let text = bench.metrics.render()
            let counted = Set(
                text.matches(
                    of: #/florin_http_requests_total\{method="([^"]*)",route="([^"]*)",status="([^"]*)"\} /#
                ).map { "\($0.1) \($0.2) \($0.3)" })
            let expected = operations.map { "\($0.method) \($0.route) \($0.status)" }
            let item = "/v1/expenses/{id}"
            let others = [
                "GET none 404", "other none 501", "HEAD \(item) 200", "other \(item) 405",
            ]
            #expect(counted == Set(expected + others), "\(counted.symmetricDifference(expected + others))")
            let timed = Set(
                text.matches(of: #/florin_http_request_seconds_count\{method="([^"]*)",route="([^"]*)"\} /#)
                    .map { "\($0.1) \($0.2)" })
            // What the HTTP server refuses takes no time of anybody's.
            let routes = counted.map { $0.split(separator: " ").dropLast().joined(separator: " ") }
            #expect(timed == Set(routes).subtracting(["other none"]))
            #expect(!text.contains(#""other",route="other""#) && text.contains("florin_http_requests_in_flight 0\n"))
        }
    }
}
