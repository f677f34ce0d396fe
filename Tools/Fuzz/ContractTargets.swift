internal import Contracts
internal import Dispatch
internal import EventLoop
internal import GRPC
internal import JSON
internal import Synchronization

extension FuzzTarget {
    /// What the contracts generate: readers of requests, of events and of encoded messages.
    static let contracts = [requests, events, messages]

    /// A request as the gateway gets it: the name of an operation with a query on the first line, then the body.
    private static let requests = FuzzTarget("requests") { input in
        let (line, body) = input.split(atFirst: 0x0A)
        let (name, query) = line.split(atFirst: UInt8(ascii: "?"))
        let parameters = query.split(separator: UInt8(ascii: "&")).map { pair in
            let (name, value) = Array(pair).split(atFirst: UInt8(ascii: "="))
            return (name: name.text, value: value.text)
        }
        guard let route = route(named: name) else { return }
        let places = route.segments.filter { if case .parameter = $0 { true } else { false } }.count
        let request = RouteInput(
            pathParameters: Array(repeating: "0199c9a0-0000-7000-8000-000000000001", count: places),
            query: parameters, body: body)
        switch try UnansweredClients.shared.get().outcome(of: route, request) {
        case let errors as RequestFieldErrors:
            try require(!errors.isEmpty && !errors.errors.isEmpty, "refused without a reason")
            try require(errors.malformed.count <= 100 && errors.invalid.count <= 100, "more faults than are kept")
        case let status as GRPCStatus:
            try require([.unavailable, .invalidArgument].contains(status.code), "refused with \(status.code)")
        case let other:
            throw BrokenProperty("an outcome that no route has: \(String(describing: other))")
        }
    }

    private static func route(named name: [UInt8]) -> GatewayRoute? {
        if let route = GatewayRoutes.all.first(where: { $0.operationID == name.text }) { return route }
        let sum = name.reduce(0) { $0 &* 31 &+ Int($1) }
        return GatewayRoutes.all[abs(sum % GatewayRoutes.all.count)]
    }

    /// The payload of an event: what keeps the schema is the same after it was written and read.
    private static let events = FuzzTarget("events") { input in
        for type in eventTypes { try checkEvent(type, input) }
    }

    private static let eventTypes: [any EventPayload.Type] = [
        EmailVerificationRequestedV1.self, EmailVerifiedV1.self, SessionsRevokedV1.self, UserLoggedInV1.self,
        UserRegisteredV1.self, BudgetExceededV1.self, BudgetRecoveredV1.self, ExpenseCreatedV1.self,
        ExpenseDeletedV1.self, InvestmentAddedV1.self, PerformanceCalculatedV1.self, PortfolioUpdatedV1.self,
        PriceUpdatedV1.self,
    ]

    private static func checkEvent<Payload: EventPayload>(_ type: Payload.Type, _ input: [UInt8]) throws {
        guard let payload = accepted({ () throws(ContractError) in try Payload(decoding: input) }),
            let written = accepted({ () throws(ContractError) in try payload.encoded() })
        else { return }
        try require(try Payload(decoding: written) == payload, "\(type): written and read it is another event")
    }

    /// An encoded message: the first byte chooses its type.
    private static let messages = FuzzTarget("messages") { input in
        guard let choice = input.first else { return }
        let type = messageTypes[Int(choice) % messageTypes.count]
        try checkMessage(type, Array(input.dropFirst()))
    }

    private static let messageTypes: [any ContractMessage.Type] = [
        CreateExpenseRequest.self, Expense.self, ExpenseList.self, ListExpensesRequest.self, CreateBudgetRequest.self,
        BudgetStatus.self, Report.self, Category.self, CategoryList.self, Split.self,
    ]

    private static func checkMessage<Message: ContractMessage>(_ type: Message.Type, _ input: [UInt8]) throws {
        guard let message = accepted({ () throws(ContractError) in try Message(serialized: input) }) else { return }
        try require(try Message(serialized: message.serialized()) == message, "\(type): encoded again it is another")
        if let writable = message as? any JSONWritable { _ = try JSONDocument(parsing: writable.json()) }
    }
}

/// Clients whose calls all fail at once, because their channel is shut down: a request that could be read ends there.
private final class UnansweredClients: Sendable {
    static let shared = Result { try UnansweredClients() }

    private let loop: EventLoop
    private let clients: GatewayClients

    init() throws {
        loop = try EventLoop(name: "fuzz")
        loop.start()
        let channel = GRPCChannel(loop: loop, targets: [])
        clients = GatewayClients(auth: channel, events: channel, expense: channel, portfolio: channel)
        wait { await channel.shutdown() }
    }

    /// What the route throws.
    func outcome(of route: GatewayRoute, _ request: RouteInput) -> (any Error)? {
        let outcome = Mutex<(any Error)?>(nil)
        wait { [clients] in
            do {
                _ = try await route.invoke(request, clients, GRPCMetadata(), .seconds(5))
            } catch {
                outcome.withLock { $0 = error }
            }
        }
        return outcome.withLock { $0 }
    }

    /// The work is done on the loop: this thread, which waits, may be the only one that tasks have.
    private func wait(for work: @escaping @Sendable () async -> Void) {
        let done = DispatchSemaphore(value: 0)
        loop.spawn {
            await work()
            done.signal()
        }
        done.wait()
    }
}
