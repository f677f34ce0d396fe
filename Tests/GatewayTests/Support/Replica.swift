import Contracts
import EventLoop
import GRPC
import ServiceRuntime
import Synchronization

/// One process of the expense or portfolio service, as far as a gateway sees it: a server on a thread of its own that answers,
/// fails or hangs as it is told, and counts.
final class Replica: Sendable {
    /// How it treats the calls that come from now on.
    enum Mood: Sendable {
        case answers
        /// `UNAVAILABLE` and nothing else, as of a server that is going down.
        case fails
        /// A status without a problem in it.
        case says(GRPCStatus.Code)
        /// A problem of the service's own.
        case refuses(ProblemDetails)
        /// Nothing comes until the caller leaves or its time is over.
        case hangs
    }

    private struct State {
        var mood = Mood.answers
        var calls: [String: Int] = [:]
        var running = 0
        var abandoned = 0
        var given: [Duration] = []
    }

    let address: SocketAddress
    private let loop: EventLoop
    private let server: GRPCServer
    private let state: Shared

    private final class Shared: Sendable {
        let value = Mutex(State())
    }

    /// Starts it; at an address where one was before, when that is given.
    init(_ mood: Mood = .answers, at address: SocketAddress = .loopback(port: 0)) async throws {
        let state = Shared()
        state.value.withLock { $0.mood = mood }
        let loop = try EventLoop(name: "replica")
        loop.start()
        let answers: [(service: String, method: String, answer: [UInt8])] = [
            ("expense", "ListExpenses", try ExpenseList().serialized()),
            ("expense", "GetExpense", try Expense(id: "1").serialized()),
            ("expense", "CreateExpense", try Expense(id: "1").serialized()),
            ("expense", "DeleteExpense", try Empty().serialized()),
            ("portfolio", "ListPortfolios", try PortfolioList().serialized()),
        ]
        let services = Dictionary(grouping: answers, by: \.service).map { service, methods -> any GRPCService in
            let name = "florin.\(service).v1.\(service.prefix(1).uppercased())\(service.dropFirst())Service"
            let handlers = methods.map { method in
                (
                    method.method,
                    GRPCHandler.unary { _, context in
                        try await Self.answer(method.answer, context, state, loop)
                    }
                )
            }
            return Service(name: name, handlers: Dictionary(uniqueKeysWithValues: handlers))
        }
        server = GRPCServer(
            loop: loop, configuration: .init(address: address), services: services, logger: .silent)
        self.loop = loop
        self.state = state
        self.address = try await server.start()
    }

    private struct Service: GRPCService {
        let name: String
        let handlers: [String: GRPCHandler]
    }

    private static func answer(
        _ answer: [UInt8], _ context: ServerContext, _ state: Shared, _ loop: EventLoop
    ) async throws -> [UInt8] {
        let mood = state.value.withLock { state in
            state.calls[context.method.name, default: 0] += 1
            state.running += 1
            if let remaining = context.remaining { state.given.append(remaining) }
            return state.mood
        }
        defer { state.value.withLock { $0.running -= 1 } }
        switch mood {
        case .answers: return answer
        case .fails: throw GRPCStatus(.unavailable)
        case .says(let code): throw GRPCStatus(code)
        case .refuses(let problem): throw problem.grpcStatus
        case .hangs:
            do {
                try await loop.sleep(for: .seconds(600))
            } catch {
                state.value.withLock { $0.abandoned += 1 }
                throw error
            }
            return answer
        }
    }

    /// The calls that have reached a handler.
    var calls: Int { state.value.withLock { $0.calls.values.reduce(0, +) } }
    /// Those of one method.
    func calls(of method: String) -> Int { state.value.withLock { $0.calls[method] ?? 0 } }
    /// The handlers that have not returned.
    var running: Int { state.value.withLock { $0.running } }
    /// The calls that hung and whose handlers were told that nobody waits any more.
    var abandoned: Int { state.value.withLock { $0.abandoned } }
    /// The time that each call was given.
    var given: [Duration] { state.value.withLock { $0.given } }

    func turn(_ mood: Mood) { state.value.withLock { $0.mood = mood } }

    func stop() async {
        await server.shutdown(grace: .zero)
        await loop.shutdown()
    }

    /// Runs `body` with so many of them and stops them afterwards.
    static func with(_ count: Int, _ mood: Mood = .answers, _ body: ([Replica]) async throws -> Void) async throws {
        var replicas: [Replica] = []
        for _ in 0..<count { replicas.append(try await Replica(mood)) }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(replicas))
        } catch {
            outcome = .failure(error)
        }
        for replica in replicas { await replica.stop() }
        try outcome.get()
    }
}
