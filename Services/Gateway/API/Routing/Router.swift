package import Contracts
package import HTTPServer

/// Finds what serves a path: a trie over the segments, in which a literal goes before a parameter.
package struct Router<Endpoint: Sendable>: Sendable {
    /// What a lookup finds.
    package enum Outcome: Sendable {
        /// The endpoint with the values of the path's parameters, in the order of the template.
        case found(Endpoint, [String])
        /// The path is served, by these methods alone; one of the endpoints.
        case otherMethods([HTTPMethod], Endpoint)
        /// Nothing is served there.
        case notFound
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var endpoints: [(method: HTTPMethod, endpoint: Endpoint)] = []
    }

    private var nodes = [Node()]

    package init() {}

    /// Serves a path template; a later endpoint of the same method and template replaces the earlier one.
    package mutating func add(_ method: HTTPMethod, _ segments: [RouteSegment], _ endpoint: Endpoint) {
        var position = 0
        for segment in segments { position = child(of: position, for: segment) }
        nodes[position].endpoints.removeAll { $0.method == method }
        nodes[position].endpoints.append((method, endpoint))
    }

    /// Finds the endpoint of a request; HEAD is served where GET is.
    package func find(_ method: HTTPMethod, _ segments: [String]) -> Outcome {
        var parameters: [String] = []
        guard let position = match(segments[...], from: 0, &parameters) else { return .notFound }
        let wanted = method == .head ? .get : method
        if let found = nodes[position].endpoints.first(where: { $0.method == wanted }) {
            return .found(found.endpoint, parameters)
        }
        return .otherMethods(allowed(at: position), nodes[position].endpoints[0].endpoint)
    }

    private func allowed(at position: Int) -> [HTTPMethod] {
        var methods = Set(nodes[position].endpoints.map(\.method))
        if methods.contains(.get) { methods.insert(.head) }
        methods.insert(.options)
        return HTTPMethod.allCases.filter(methods.contains)
    }

    private mutating func child(of position: Int, for segment: RouteSegment) -> Int {
        let known: Int? =
            switch segment {
            case .literal(let text): nodes[position].literals[text]
            case .parameter: nodes[position].parameter
            }
        if let known { return known }
        let new = nodes.count
        nodes.append(Node())
        switch segment {
        case .literal(let text): nodes[position].literals[text] = new
        case .parameter: nodes[position].parameter = new
        }
        return new
    }

    private func match(_ rest: ArraySlice<String>, from position: Int, _ parameters: inout [String]) -> Int? {
        guard let segment = rest.first else { return nodes[position].endpoints.isEmpty ? nil : position }
        if let next = nodes[position].literals[segment], let end = match(rest.dropFirst(), from: next, &parameters) {
            return end
        }
        guard let next = nodes[position].parameter, !segment.isEmpty else { return nil }
        parameters.append(segment)
        if let end = match(rest.dropFirst(), from: next, &parameters) { return end }
        parameters.removeLast()
        return nil
    }
}
