internal import Glibc

/// The thread of one connection: connects, serves the socket, and comes back after a pause when it is lost. It waits in
/// two places only: for a login, with a bound, and in `poll`, out of which the waker brings it.
final class ConnectionThread {
    /// Messages are encoded only while fewer bytes than this wait for the socket.
    private static let highWaterMark = 256 << 10
    /// Frames handled before writes get their turn.
    private static let framesPerTurn = 512
    /// For `connection.close-ok`.
    private static let closeBound: Duration = .milliseconds(500)

    private let shared: ConnectionShared
    private let session: ConnectionSession
    private var generator = SystemRandomNumberGenerator()

    private init(_ shared: ConnectionShared) {
        self.shared = shared
        let configuration = shared.configuration
        session = ConnectionSession(
            replyTimeout: configuration.replyTimeout,
            backoff: Backoff(base: configuration.backoffBase, cap: configuration.backoffCap))
    }

    /// Starts a detached thread that ends after the stop is requested.
    static func start(_ shared: ConnectionShared) throws(AMQPError) {
        let argument = unsafe Unmanaged.passRetained(shared)
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let shared = unsafe Unmanaged<ConnectionShared>.fromOpaque(argument).takeRetainedValue()
                ConnectionThread(shared).run()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            unsafe argument.release()
            throw AMQPError(.system, "the system has no thread left to give: errno \(status)")
        }
        pthread_detach(thread)
    }

    private func run() {
        // Only what tools show depends on it, so a failure is of no consequence.
        BrokerSocket.nameThread("amqp")
        let configuration = shared.configuration
        var backoff = Backoff(base: configuration.backoffBase, cap: configuration.backoffCap)
        while !shared.isStopping {
            let start = ContinuousClock.now
            let error = connectAndServe()
            report()
            if shared.isStopping { break }
            // A broker that lets clients in and drops them at once must not be hammered.
            if error.wasServed, ContinuousClock.now - start > .seconds(5) { backoff.reset() }
            pause(backoff.next(using: &generator))
        }
        shared.finish(session)
    }

    /// Answers why it ended, and whether the login had succeeded.
    private func connectAndServe() -> (error: AMQPError, wasServed: Bool) {
        let socket: BrokerSocket
        do {
            socket = try BrokerSocket(
                endpoint: shared.endpoint, name: shared.name, configuration: shared.configuration, slot: shared.slot)
        } catch {
            if !shared.isStopping { shared.publish(.connectFailed(error)) }
            return (error, false)
        }
        shared.slot.markServing()
        session.connected(channelMax: socket.channelMax, heartbeat: socket.heartbeat, now: .now)
        var output = OutputBuffer()
        let encoder = FrameEncoder(frameMax: socket.frameMax)
        do {
            try serve(socket, encoder, &output)
            let error = ConnectionShared.shutDownError
            session.disconnected(error)
            return (error, true)
        } catch {
            sendLastWords(socket, encoder, &output)
            session.disconnected(error)
            return (error, true)
        }
    }

    /// A close of the broker is answered as far as the socket takes it.
    private func sendLastWords(_ socket: BrokerSocket, _ encoder: FrameEncoder, _ output: inout OutputBuffer) {
        guard session.takeOutput() == [.method(channel: 0, .connectionCloseOK)], output.isEmpty else { return }
        do {
            try encoder.append(.connectionCloseOK, channel: 0, to: &output)
            try output.flush(socket.write)
        } catch {
            // The broker has closed its end already, which is what the answer was about.
            return
        }
    }

    /// Serves until the connection is closed in order.
    /// - Throws: why it was lost.
    private func serve(
        _ socket: BrokerSocket, _ encoder: FrameEncoder, _ output: inout OutputBuffer
    ) throws(AMQPError) {
        var wasBlocked = false
        var hasMore = false
        while true {
            shared.waker.clear()
            for request in shared.takeRequests() { request(session) }
            let now = ContinuousClock.now
            if shared.isStopping { session.beginClose(now: now, bound: Self.closeBound) }
            try session.tick(now: now)
            report()
            if session.isClosed { return }
            let isBlocked = session.blockedReason != nil
            if isBlocked != wasBlocked {
                // A blocked broker may close its window for long without being dead.
                socket.setUserTimeout(isBlocked ? nil : shared.configuration.deadPeerTimeout)
                wasBlocked = isBlocked
            }
            let isWaitingForSocket = try write(socket, encoder, &output, now: now)
            let isReadable = try wait(socket, forWriting: isWaitingForSocket, isPolling: hasMore)
            if isReadable { session.bytesReceived(now: .now) }
            if isReadable || hasMore { hasMore = try read(socket) }
        }
    }

    /// Writes what is due and what the socket takes; answers whether more waits for the socket.
    private func write(
        _ socket: BrokerSocket, _ encoder: FrameEncoder, _ output: inout OutputBuffer, now: ContinuousClock.Instant
    ) throws(AMQPError) -> Bool {
        for item in session.takeOutput() {
            switch item {
            case .heartbeat: encoder.appendHeartbeat(to: &output)
            case .method(let channel, let method):
                do {
                    try encoder.append(method, channel: channel, to: &output)
                } catch {
                    session.unencodable(channel: channel, error, now: now)
                }
            }
        }
        while true {
            encodePublishes(encoder, &output, now: now)
            guard !output.isEmpty else { return false }
            let before = output.count
            try output.flush(socket.write)
            if output.count < before { session.bytesSent(now: now) }
            if !output.isEmpty { return true }
        }
    }

    private func encodePublishes(
        _ encoder: FrameEncoder, _ output: inout OutputBuffer, now: ContinuousClock.Instant
    ) {
        while output.count < Self.highWaterMark, let (role, item, channel) = session.nextPublish() {
            do {
                try encoder.append(item.message, channel: channel, to: &output)
                role.sent(item, now: now)
            } catch {
                role.refused(item, error)
            }
        }
    }

    /// Waits for the socket, the waker, or the next thing due (`isPolling`: for nothing); answers whether the socket is readable.
    private func wait(_ socket: BrokerSocket, forWriting: Bool, isPolling: Bool) throws(AMQPError) -> Bool {
        let now = ContinuousClock.now
        let interest = Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0)
        var entries = [
            pollfd(fd: socket.descriptor, events: interest, revents: 0),
            pollfd(fd: shared.waker.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = isPolling ? 0 : Self.milliseconds(session.nextDeadline(now: now) - now)
        guard unsafe poll(&entries, nfds_t(entries.count), milliseconds) >= 0 || errno == EINTR else {
            throw AMQPError(.system, "poll: errno \(errno)")
        }
        return entries[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0
    }

    /// Handles what has arrived; answers whether librabbitmq may hold more, of which `poll` knows nothing.
    private func read(_ socket: BrokerSocket) throws(AMQPError) -> Bool {
        let now = ContinuousClock.now
        for _ in 0..<Self.framesPerTurn {
            guard let frame = try socket.receive() else { return false }
            try session.receive(frame, now: now)
        }
        return true
    }

    private func report() {
        for event in session.takeEvents() { shared.publish(event) }
    }

    /// Waits between two attempts; a stop ends it.
    private func pause(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        while !shared.isStopping {
            shared.waker.clear()
            for request in shared.takeRequests() { request(session) }
            session.forgetFinished()
            let left = end - .now
            guard left > .zero else { return }
            var entry = pollfd(fd: shared.waker.descriptor, events: Int16(POLLIN), revents: 0)
            unsafe poll(&entry, 1, Self.milliseconds(left))
        }
    }

    /// Rounded up, so that what is due is due when the wait ends.
    private static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        return Int32(clamping: max(0, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
