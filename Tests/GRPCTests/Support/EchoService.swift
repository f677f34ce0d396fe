import EventLoop
import Synchronization

@testable import GRPC

/// The same service as `Tests/Interop/grpc/echo_server.py`: commands as bytes.
final class EchoService: GRPCService {
    struct HandlerError: Error {}

    static let say = GRPCMethod(service: "florin.test.v1.Echo", name: "Say")
    static let count = GRPCMethod(service: "florin.test.v1.Echo", name: "Count")

    let name = "florin.test.v1.Echo"
    private let loop: EventLoop
    let sleeping = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    let written = Atomic<Int>(0)
    /// Handlers of `stubborn` that run, and the most that ever did at once.
    let running = Atomic<Int>(0)
    let peak = Atomic<Int>(0)
    let health = Mutex<HealthService?>(nil)

    init(loop: EventLoop) { self.loop = loop }

    var handlers: [String: GRPCHandler] {
        [
            "Say": .unary { [self] message, context in try await say(message, context) },
            "Count": .serverStreaming { [self] message, context, writer in try await count(message, context, writer) },
        ]
    }

    private func say(_ message: [UInt8], _ context: ServerContext) async throws -> [UInt8] {
        guard message.count < 100 else { return message }
        let parts = String(decoding: message, as: UTF8.self).split(separator: ":")
        switch parts.first {
        case "fail":
            throw GRPCStatus(
                .failedPrecondition, "won't: é✓ %\n", details: [0x08, 0x09, 0x12, 0x02] + Array("no".utf8),
                metadata: ["x-why": "because"])
        case "throw": throw HandlerError()
        case "sleep": try await sleep(.milliseconds(Int(parts[1]) ?? 0))
        case "stubborn": await ignoreCancellation(.milliseconds(Int(parts[1]) ?? 0))
        case "sleeping": return text(sleeping.load(ordering: .relaxed))
        case "cancelled": return text(cancelled.load(ordering: .relaxed))
        case "deadline": return Array((context.remaining.map { "\($0.milliseconds)" } ?? "none").utf8)
        case "big": return [UInt8](repeating: 0x78, count: Int(parts[1]) ?? 0)
        case "metadata": return answerMetadata(context)
        case "badmetadata": context.setTrailingMetadata(["grpc-status": "0"])
        case "health": health.withLock { $0?.set(parts[1] == "serving" ? .serving : .notServing) }
        case "peer": return Array(context.peer.description.utf8)
        default: break
        }
        return message
    }

    private func answerMetadata(_ context: ServerContext) -> [UInt8] {
        context.setInitialMetadata(["x-initial": context.metadata["x-in"] ?? "missing"])
        var trailing: GRPCMetadata = ["x-trailing": "t"]
        trailing.append("x-raw-bin", binary: (context.metadata.binary("x-in-bin") ?? []).reversed())
        context.setTrailingMetadata(trailing)
        return Array((context.metadata["traceparent"] ?? "").utf8)
    }

    private func sleep(_ duration: Duration) async throws {
        sleeping.add(1, ordering: .relaxed)
        do {
            try await loop.sleep(for: duration)
        } catch {
            cancelled.add(1, ordering: .relaxed)
            throw error
        }
    }

    private func ignoreCancellation(_ duration: Duration) async {
        sleeping.add(1, ordering: .relaxed)
        peak.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
        defer { running.subtract(1, ordering: .relaxed) }
        await withCheckedContinuation { continuation in
            loop.schedule(after: duration) { continuation.resume() }
        }
    }

    private func count(_ message: [UInt8], _ context: ServerContext, _ writer: GRPCResponseWriter) async throws {
        let parts = String(decoding: message, as: UTF8.self).split(separator: ":")
        let size = parts.count > 2 ? Int(parts[2]) ?? 0 : 0
        context.setInitialMetadata(["x-stream": "yes"])
        do {
            for index in 0..<(Int(parts[1]) ?? 0) {
                var item = text(index)
                if size > item.count { item += [UInt8](repeating: UInt8(ascii: "."), count: size - item.count) }
                try await writer.write(item)
                written.add(1, ordering: .relaxed)
                if parts[0] == "slow" { try await loop.sleep(for: .milliseconds(10)) }
                if parts[0] == "die", index == 3 { throw GRPCStatus(.dataLoss, "died at 3") }
            }
        } catch  where Task.isCancelled {
            cancelled.add(1, ordering: .relaxed)
            throw error
        }
        context.setTrailingMetadata(["x-count": String(parts[1])])
    }

    private func text(_ number: Int) -> [UInt8] { Array(String(number).utf8) }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
