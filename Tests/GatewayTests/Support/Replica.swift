import Chronology
import Contracts
import EventLoop
import GRPC
import ServiceRuntime
import Synchronization

/// One process of a service, as far as a gateway sees it: a server on a thread of its own that answers, fails or hangs as it is
/// told, and counts. What gateways ask by themselves again and again is answered in every mood, and not counted.
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
        let services = Dictionary(grouping: try Self.answers(), by: \.service).map { name, methods -> any GRPCService in
            let handlers = methods.map { method in
                (
                    method.method,
                    GRPCHandler.unary { _, context in
                        if method.isSteady { return method.answer }
                        return try await Self.answer(method.answer, context, state, loop)
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

    /// What it says to each method while it answers.
    private struct MethodAnswer {
        let service: String
        let method: String
        let answer: [UInt8]
        /// Whether it says so in every mood.
        let isSteady: Bool

        init(_ service: String, _ method: String, _ answer: some ContractMessage, isSteady: Bool = false) throws {
            self.service = "florin." + service
            self.method = method
            self.answer = try answer.serialized()
            self.isSteady = isSteady
        }
    }

    private static func answers() throws -> [MethodAnswer] {
        let keys = Contracts.KeySet(keys: [try AccessTokens.shared.get().published()])
        let bearer = ApiTokenIdentity(
            tokenID: UUIDv7.make().description, userID: UUIDv7.make().description, roles: ["user"],
            scopes: AccessTokens.scopes)
        return [
            try MethodAnswer("expense.v1.ExpenseService", "ListExpenses", ExpenseList()),
            try MethodAnswer("expense.v1.ExpenseService", "GetExpense", Expense(id: "1")),
            try MethodAnswer("expense.v1.ExpenseService", "CreateExpense", Expense(id: "1")),
            try MethodAnswer("expense.v1.ExpenseService", "DeleteExpense", Empty()),
            try MethodAnswer("portfolio.v1.PortfolioService", "ListPortfolios", PortfolioList()),
            try MethodAnswer("auth.v1.AccessService", "ResolveApiToken", bearer),
            try MethodAnswer(
                "auth.v1.AccessService", "ListRevocations", RevocationList(listedAt: SystemClock().now().description),
                isSteady: true),
            try MethodAnswer("auth.v1.AuthService", "GetKeySet", keys, isSteady: true),
            try MethodAnswer(
                "events.v1.StreamService", "ListStreamEvents", StreamEventPage(isKnown: true, position: 1)),
        ]
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
