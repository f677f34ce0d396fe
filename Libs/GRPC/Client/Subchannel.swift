internal import EventLoop
internal import HTTP2

/// What a subchannel tells the channel; on the loop.
protocol SubchannelOwner: AnyObject {
    /// The subchannel's state, or the room on its connection, has changed.
    func changed(_ subchannel: Subchannel)
}

/// One address of a channel: keeps one connection to it, and connects again with growing pauses.
// @unchecked Sendable: confined to the loop; every entry is a call from our own classes there.
final class Subchannel: @unchecked Sendable {
    /// Where the address stands.
    enum State {
        case idle
        /// Under way, or soon to be tried again after a connection that had served.
        case connecting
        case ready
        /// The last attempt failed; the next one waits for its time or is under way. Until one succeeds nobody is to wait: an
        /// address that swallows everything takes its whole time for each attempt.
        case failed(GRPCStatus)
        case shutDown
    }

    /// The address.
    let address: SocketAddress
    /// How the address has answered of late.
    var record: OutlierRecord
    /// The calls that were sent here and are not over.
    var calls = 0
    /// Whether the server has room for calls, as far as its refusals tell.
    private(set) var restraint = Restraint()
    private var restraintTimer: LoopTimer?
    private let loop: EventLoop
    private let configuration: GRPCChannel.Configuration
    private var transportConfiguration: HTTP2ConnectionConfiguration
    private weak var owner: (any SubchannelOwner)?
    private var current: ClientConnection?
    private var draining: [ObjectIdentifier: ClientConnection] = [:]
    private var backoff: Backoff
    private var retryTimer: LoopTimer?
    private var connecting: Task<Void, Never>?
    private(set) var state = State.idle
    /// Whether the last connection ended with the server's word that it takes no new calls, as when it is started anew.
    private(set) var hasSaidGoodbye = false

    init(
        address: SocketAddress, loop: EventLoop, configuration: GRPCChannel.Configuration, owner: any SubchannelOwner
    ) {
        self.address = address
        self.loop = loop
        self.configuration = configuration
        self.owner = owner
        backoff = configuration.backoff
        record = OutlierRecord(configuration.ejection)
        transportConfiguration = configuration.connection
    }

    /// The connection for the next call, when there is one with room.
    var available: ClientConnection? {
        guard let current, current.hasRoom, restraint.allowsCall else { return nil }
        return current
    }

    // MARK: Refusals

    /// The server has refused a call.
    func refused() {
        guard let pause = restraint.refused() else { return }
        wait(pause)
    }

    /// A call was sent to the address.
    func sent() {
        guard let pause = restraint.sent() else { return }
        wait(pause)
    }

    /// The server has answered a call.
    func answered() {
        guard restraint.answered() else { return }
        restraintTimer?.cancel()
        loop.execute { [weak self] in
            guard let self else { return }
            owner?.changed(self)
        }
    }

    private func wait(_ pause: Duration) {
        restraintTimer?.cancel()
        restraintTimer = loop.schedule(after: pause) { [weak self] in
            guard let self else { return }
            restraint.pauseEnded()
            owner?.changed(self)
        }
    }

    /// Whether the address can be reached.
    var isReady: Bool { if case .ready = state { true } else { false } }

    /// The host that the requests name.
    var authority: String { configuration.authority ?? address.description }

    // MARK: Connecting

    /// Whether a connection is wanted that is not there.
    private var isTrying: Bool {
        switch state {
        case .connecting, .failed: true
        case .idle, .ready, .shutDown: false
        }
    }

    /// Begins to connect unless that has been begun before.
    func connectIfIdle() {
        if case .idle = state { connect() }
    }

    private func connect() {
        retryTimer = nil
        if case .failed = state {} else { state = .connecting }
        connecting = loop.spawn { [self] in
            do {
                let socket = try await TCPConnection.connect(
                    to: address, loop: loop, timeout: configuration.connectTimeout)
                connected(socket)
            } catch {
                connectFailed(GRPCStatus(.unavailable, "cannot connect to \(address): \(error)"))
            }
        }
    }

    private func connected(_ socket: TCPConnection) {
        loop.preconditionCurrent()
        connecting = nil
        guard isTrying else { return socket.close() }
        do {
            let connection = try ClientConnection(
                socket: socket, loop: loop, configuration: transportConfiguration, owner: self)
            current = connection
            connection.start()
        } catch {
            socket.close()
            connectFailed(GRPCStatus(.unavailable, "out of memory"))
        }
    }

    private func connectFailed(_ reason: GRPCStatus) {
        loop.preconditionCurrent()
        connecting = nil
        guard isTrying else { return }
        state = .failed(reason)
        retryLater()
        owner?.changed(self)
    }

    private func retryLater() {
        retryTimer = loop.schedule(after: backoff.nextDelay()) { [weak self] in self?.retry() }
    }

    private func retry() {
        if case .shutDown = state { return }
        connect()
        owner?.changed(self)
    }

    /// A connection that had served is replaced at once, unless it did so for a moment only: then with a pause, or a
    /// server that sends everyone away would be asked without end.
    private func replace(_ connection: ClientConnection) {
        current = nil
        guard let since = connection.readySince else {
            return connectFailed(GRPCStatus(.unavailable, "\(address) closed the connection before it was ready"))
        }
        state = .connecting
        let lifetime = loop.now - since
        if lifetime >= configuration.backoff.initial { backoff.reset() }
        if lifetime >= configuration.backoff.initial * 10 {
            connect()
        } else {
            retryLater()
        }
        owner?.changed(self)
    }

    // MARK: The end

    /// Closes the connections and stops connecting.
    func shutDown() -> Task<Void, Never>? {
        state = .shutDown
        retryTimer?.cancel()
        restraintTimer?.cancel()
        connecting?.cancel()
        current?.close()
        for connection in draining.values { connection.close() }
        current = nil
        return connecting
    }
}

extension Subchannel: ClientConnectionOwner {
    func becameReady(_ connection: ClientConnection) {
        guard connection === current, isTrying else { return }
        state = .ready
        hasSaidGoodbye = false
        owner?.changed(self)
    }

    func beganToDrain(_ connection: ClientConnection, _ reason: DrainReason) {
        if reason == .tooManyPings { transportConfiguration.keepAliveInterval *= 2 }
        guard connection === current else { return }
        if reason == .orderly {
            backoff.reset()
            hasSaidGoodbye = true
        }
        draining[ObjectIdentifier(connection)] = connection
        replace(connection)
    }

    func hasRoomAgain(_ connection: ClientConnection) {
        if connection === current { owner?.changed(self) }
    }

    func closed(_ connection: ClientConnection) {
        draining[ObjectIdentifier(connection)] = nil
        guard connection === current else { return }
        if case .shutDown = state { return }
        replace(connection)
    }
}
