import EventLoop
import GRPC
import Observability
import Synchronization

/// Looks after one channel: connects it at the start, and knows whether the service could ever be reached.
final class FirstConnection: Sendable {
    private let channel: GRPCChannel
    private let connected: Gauge
    private let wasReady = Atomic<Bool>(false)
    private static let interval = Duration.seconds(1)

    init(_ channel: GRPCChannel, connected: Gauge) {
        self.channel = channel
        self.connected = connected
    }

    /// Whether the service has not been reached since the start.
    var isOutstanding: Bool { !wasReady.load(ordering: .relaxed) }

    /// Why no call could go now; nil when one could.
    var missing: String? { channel.state == .ready ? nil : "no connection" }

    /// Connects, and keeps connected, until the task is cancelled.
    @Sendable func run(on loop: EventLoop) async {
        while !Task.isCancelled {
            let isReady = await channel.waitUntilReady(timeout: Self.interval)
            connected.set(isReady ? 1 : 0)
            guard isReady else { continue }
            wasReady.store(true, ordering: .relaxed)
            do { try await loop.sleep(for: Self.interval) } catch { return }
        }
    }
}
