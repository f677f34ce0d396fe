import GatewayAPI
import HTTPTesting
import Testing
import Tokens

/// What a request can have the gateway ask of a service: by its route, or on its way.
enum Question: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case route, apiToken, resume

    /// Those that no route stands for.
    static let own: [Question] = [.apiToken, .resume]

    var testDescription: String { rawValue }

    /// The service that is asked.
    var service: String {
        switch self {
        case .route: "expense"
        case .apiToken: "auth"
        case .resume: "events"
        }
    }

    /// The method that is called there.
    var method: String {
        switch self {
        case .route: "ListExpenses"
        case .apiToken: "ResolveApiToken"
        case .resume: "ListStreamEvents"
        }
    }

    /// A request that only reads, and has it asked.
    func request(_ bench: GatewayBench) throws -> String {
        switch self {
        case .route: bench.request("GET", "/v1/expenses", token: try bench.tokens.make())
        case .apiToken: bench.request("GET", "/v1/expenses", token: PersonalToken.make().text)
        case .resume:
            bench.request(
                "GET", "/v1/events/stream", token: try bench.tokens.make(),
                headers: ["Last-Event-ID: 019aa1b2-0000-7000-8000-00000000000a"])
        }
    }
}

extension GatewayBench.Options {
    /// How long the service may take, whatever it is asked.
    mutating func answerWithin(_ duration: Duration) {
        deadlines.call = duration
        questionTimeout = duration
    }
}

extension GatewayBench {
    /// Sends one request on a connection of its own.
    func send(_ request: String) async throws -> Answer {
        let client = try SocketClient(address)
        try await client.send(request)
        return try await client.answer()
    }

    /// The status that a request is answered with, also where the answer is a stream, which is left then.
    func status(of request: String) async throws -> Int {
        let client = try SocketClient(address)
        try await client.send(request)
        let head = try await client.receive(until: "\r\n\r\n")
        client.leave()
        return head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// A sample of the metrics about a service.
    func sample(_ name: String, of service: String) -> Double? { sample(#"\#(name){service="\#(service)"}"#) }
}
