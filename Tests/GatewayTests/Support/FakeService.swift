import Contracts
import GRPC
import Synchronization

/// What a fake service was asked.
struct ReceivedCall: Sendable {
    let method: String
    let metadata: GRPCMetadata
    let request: [UInt8]
}

/// Stands for the services behind the gateway: answers each method as a test wants, and notes the calls.
final class FakeServices: Sendable {
    typealias Body = @Sendable ([UInt8], ServerContext) async throws -> [UInt8]

    private let bodies = Mutex<[String: Body]>([:])
    private let calls = Mutex<[ReceivedCall]>([])
    private let isWilling = Atomic<Bool>(false)

    /// The calls so far.
    var received: [ReceivedCall] { calls.withLock { $0 } }

    /// Answers methods that nothing else was said of with an empty message from now on.
    func answersEverything() { isWilling.store(true, ordering: .relaxed) }

    /// Answers a method from now on.
    func on<Request: ContractMessage, Response: ContractMessage>(
        _ method: String, _ body: @escaping @Sendable (Request, ServerContext) async throws -> Response
    ) {
        bodies.withLock {
            $0[method] = { bytes, context in try await body(Request(serialized: bytes), context).serialized() }
        }
    }

    /// The services that the routes name, with all their methods, and the archives.
    var services: [any GRPCService] {
        var methods = Dictionary(grouping: GatewayRoutes.all, by: \.service).mapValues { $0.map(\.operationID) }
        methods["florin.events.v1.StreamService"] = ["ListStreamEvents"]
        methods["florin.auth.v1.AccessService"] = ["ResolveApiToken", "ListRevocations"]
        return methods.map { name, methods in
            let handlers = methods.map { method in
                (method, GRPCHandler.unary { [self] bytes, context in try await answer(bytes, context) })
            }
            return Service(name: name, handlers: Dictionary(uniqueKeysWithValues: handlers))
        } + [archive]
    }

    /// What has no route of its own.
    private var archive: any GRPCService {
        Service(
            name: "florin.archive.v1.ArchiveService",
            handlers: ["ReadArchive": .unary { [self] bytes, context in try await answer(bytes, context) }])
    }

    private func answer(_ bytes: [UInt8], _ context: ServerContext) async throws -> [UInt8] {
        let method = context.method.name
        // What the gateway asks by itself again and again is no call of a client.
        if method != "ListRevocations" {
            calls.withLock { $0.append(ReceivedCall(method: method, metadata: context.metadata, request: bytes)) }
        }
        guard let body = bodies.withLock({ $0[method] }) else {
            if isWilling.load(ordering: .relaxed) { return [] }
            throw GRPCStatus(.unimplemented)
        }
        return try await body(bytes, context)
    }

    private struct Service: GRPCService {
        let name: String
        let handlers: [String: GRPCHandler]
    }
}
