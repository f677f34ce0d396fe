package import EventLoop
package import Observability

/// Serves gRPC on one event loop: handlers run on the loop and must not block it.
///
/// Includes `grpc.health.v1.Health`. `start`, `shutdown` may be called from anywhere.
// @unchecked Sendable: what changes is confined to the loop; the rest is immutable or Sendable.
package final class GRPCServer: @unchecked Sendable {
    /// What the health service answers; services say here when they are able to serve.
    package let health: HealthService
    private let loop: EventLoop
    private let configuration: Configuration
    private let methods: [String: (method: GRPCMethod, handler: GRPCHandler)]
    private let logger: Logger
    private var listener: TCPListener?
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    /// Connections that are gone while a handler of theirs still runs.
    private var leftovers: [ObjectIdentifier: ServerConnection] = [:]
    private var isShuttingDown = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var graceTimers: [LoopTimer] = []

    /// A server that does not listen yet.
    ///
    /// - Parameter services: must have names of their own; handlers are found by `/name/method`.
    package init(loop: EventLoop, configuration: Configuration, services: [any GRPCService], logger: Logger) {
        self.loop = loop
        self.configuration = configuration
        self.logger = logger.with([.component: "grpc"])
        health = HealthService(services: services.map(\.name))
        var methods: [String: (method: GRPCMethod, handler: GRPCHandler)] = [:]
        for service in services + [health] {
            for (name, handler) in service.handlers {
                let method = GRPCMethod(service: service.name, name: name)
                precondition(
                    methods.updateValue((method, handler), forKey: method.path) == nil, "two handlers of \(method)")
            }
        }
        self.methods = methods
    }

    /// Listens; returns the address, which tells the port when 0 was asked for.
    ///
    /// - Parameter isOpen: false to leave connections in the system's queue until `open()`.
    package func start(isOpen: Bool = true) async throws -> SocketAddress {
        let listener = try await loop.run { [self] in
            let listener = try TCPListener.listen(
                on: configuration.address, loop: loop, inherited: configuration.inherited, isPaused: !isOpen
            ) { [weak self] socket in self?.accept(socket) }
            self.listener = listener
            return listener
        }
        let address = listener.localAddress
        logger.info("gRPC server listens", [.address: .string(address.description)])
        return address
    }

    /// Takes connections from now on. From anywhere.
    package func open() { loop.execute { [self] in listener?.resume() } }

    private func accept(_ socket: TCPConnection) {
        guard !isShuttingDown, connections.count < configuration.maximumConnections else {
            if !isShuttingDown {
                logger.warning("connection refused: too many", [.limit: .int(configuration.maximumConnections)])
            }
            return socket.close()
        }
        do {
            let connection = try ServerConnection(
                socket: socket, loop: loop, configuration: configuration, owner: self)
            connections[ObjectIdentifier(connection)] = connection
            connection.start()
        } catch {
            logger.error("no HTTP/2 session for a connection: out of memory")
            socket.close()
        }
    }

    /// Stops: takes no new connection or call, lets calls under way end for `grace`, then cancels them.
    ///
    /// Returns when all is closed and every handler has returned, at the latest a little after `grace`: a handler
    /// that ignores its cancellation is not waited for longer than two seconds more.
    package func shutdown(grace: Duration) async {
        let listener = await onLoop { [self] in beginShutdown() }
        await listener?.close()
        guard await !drained(within: grace) else { return }
        await onLoop { [self] in
            for connection in connections.values { connection.cut() }
        }
        guard await !drained(within: .seconds(1)) else { return }
        await onLoop { [self] in
            for connection in connections.values { connection.close() }
        }
        if await !drained(within: .seconds(1)) {
            await onLoop { [self] in
                let handlers = (connections.values.map(\.runningHandlers) + leftovers.values.map(\.runningHandlers))
                logger.warning("handlers did not end in time", [.count: .int(handlers.reduce(0, +))])
            }
        }
    }

    private func beginShutdown() -> TCPListener? {
        isShuttingDown = true
        health.shutDown()
        for connection in connections.values { connection.goAway() }
        defer { listener = nil }
        return listener
    }

    /// True when nothing is left, waiting for that as long as given.
    private func drained(within limit: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                waiting.append(continuation)
                graceTimers.append(loop.schedule(after: limit) { [self] in releaseWaiting() })
                if isDrained { releaseWaiting() }
            }
        }
        return await onLoop { [self] in isDrained }
    }

    private var isDrained: Bool { connections.isEmpty && leftovers.isEmpty }

    private func releaseWaiting() {
        let released = waiting
        waiting = []
        for timer in graceTimers { timer.cancel() }
        graceTimers = []
        for continuation in released { continuation.resume() }
    }

    private func onLoop<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body()) }
        }
    }
}

extension GRPCServer: ServerConnectionOwner {
    func lookUp(_ path: String) -> (GRPCMethod, GRPCHandler)? { methods[path].map { ($0.method, $0.handler) } }

    func handlerFailed(_ method: GRPCMethod?, _ error: any Error) {
        logger.error("a handler failed", [.method: .string(method?.path ?? ""), .error: .error(error)])
    }

    func callFinished(_ method: GRPCMethod?, _ code: GRPCStatus.Code, after duration: Duration) {
        guard logger.isEnabled(.debug) else { return }
        logger.debug(
            "call",
            [
                .method: .string(method?.path ?? ""), .code: .string("\(code)"), .duration: .milliseconds(duration),
            ])
    }

    func closed(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connection.runningHandlers > 0 { leftovers[ObjectIdentifier(connection)] = connection }
        if isDrained { releaseWaiting() }
    }

    func handlerEnded() {
        guard !leftovers.isEmpty else { return }
        leftovers = leftovers.filter { $0.value.runningHandlers > 0 }
        if isDrained { releaseWaiting() }
    }
}
