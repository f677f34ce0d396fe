import Contracts
import HTTPServer
import Testing

@testable import GatewayAPI

@Suite struct RouterTests {
    private static let table: [(HTTPMethod, String)] = [
        (.get, "/"), (.get, "/a"), (.post, "/a"), (.get, "/a/{id}"), (.delete, "/a/{id}"), (.get, "/a/b"),
        (.get, "/a/{id}/c"), (.get, "/a/b/{id}/d"), (.get, "/{x}/y/{z}"),
    ]

    private let router: Router<String> = {
        var router = Router<String>()
        for (method, path) in RouterTests.table {
            let segments: [RouteSegment] = path.split(separator: "/").map {
                $0.hasPrefix("{") ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
            }
            router.add(method, segments, "\(method.rawValue) \(path)")
        }
        return router
    }()

    private func find(_ method: HTTPMethod, _ path: String) -> String {
        let segments = path == "/" ? [] : path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        switch router.find(method, segments.map(String.init)) {
        case .found(let endpoint, let parameters): return ([endpoint] + parameters).joined(separator: " ")
        case .otherMethods(let methods, _): return methods.map(\.rawValue).joined(separator: ",")
        case .notFound: return "-"
        }
    }

    @Test(arguments: [
        (HTTPMethod.get, "/", "GET /"), (.head, "/a", "GET /a"), (.post, "/a", "POST /a"),
        (.get, "/a/1", "GET /a/{id} 1"),
        (.get, "/a/b", "GET /a/b"), (.get, "/a/b/c", "GET /a/{id}/c b"), (.get, "/a/b/1/d", "GET /a/b/{id}/d 1"),
        (.get, "/a/y/2", "GET /{x}/y/{z} a 2"), (.get, "/q/y/2", "GET /{x}/y/{z} q 2"), (.get, "/a/", "-"),
        (.get, "/a//c", "-"), (.get, "//a", "-"), (.get, "/A", "-"), (.get, "/a/b/1", "-"), (.get, "/q", "-"),
        (.put, "/a", "GET,HEAD,POST,OPTIONS"), (.options, "/a/1", "GET,HEAD,DELETE,OPTIONS"),
        (.delete, "/a/b", "GET,HEAD,OPTIONS"),
    ])
    func finds(_ method: HTTPMethod, _ path: String, _ found: String) {
        #expect(find(method, path) == found)
    }

    @Test func aLaterEndpointReplacesAnEarlierOne() {
        var router = router
        router.add(.get, [.literal("a")], "new")
        guard case .found("new", _) = router.find(.get, ["a"]) else {
            Issue.record("the earlier endpoint is still there")
            return
        }
    }

    @Test func everyRouteOfTheContractsIsFound() throws {
        let table = RouteTable(routes: GatewayRoutes.all, limits: RateLimits(), documents: Documents.all(issuer: ""))
        #expect(table.endpoints.count == GatewayRoutes.all.count + 3 + Documents.all(issuer: "").count)
        for route in GatewayRoutes.all {
            var router = Router<String>()
            for other in GatewayRoutes.all {
                router.add(try #require(HTTPMethod(rawValue: other.method)), other.segments, other.operationID)
            }
            let segments = route.segments.map { segment in
                switch segment {
                case .literal(let text): text
                case .parameter: "019aa1b2-0000-7000-8000-000000000001"
                }
            }
            guard
                case .found(route.operationID, _) = router.find(
                    try #require(HTTPMethod(rawValue: route.method)), segments)
            else {
                Issue.record("\(route.method) \(route.path) is not found")
                continue
            }
        }
    }
}
