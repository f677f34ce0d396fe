internal import CRabbitMQ
internal import Glibc

/// One open, logged-in connection: the owner of librabbitmq's state and of its socket. Confined to its thread, except
/// for `SocketSlot`.
///
/// librabbitmq connects, logs in and decodes frames. Once logged in it sends nothing more: its heartbeats are switched
/// off, because they would land in the middle of a frame that this library has written in part.
@safe final class BrokerSocket {
    private let state: amqp_connection_state_t
    private let slot: SocketSlot
    /// The negotiated frame size in bytes.
    private(set) var frameMax = 0
    /// The negotiated number of channels.
    private(set) var channelMax: UInt16 = 0
    /// The negotiated heartbeat; `nil` when the broker has switched it off.
    private(set) var heartbeat: Duration?

    /// Connects and logs in; blocks for at most the two bounds of the configuration. `slot` learns of the socket, so that
    /// another thread can end the wait by shutting the socket down.
    init(
        endpoint: AMQPEndpoint, name: String, configuration: AMQPConnection.Configuration, slot: SocketSlot
    ) throws(AMQPError) {
        guard let opened = unsafe amqp_new_connection() else { throw AMQPError(.system, "out of memory") }
        unsafe state = opened
        self.slot = slot
        try open(endpoint, configuration)
        try logIn(endpoint, name: name, configuration)
        frameMax = unsafe Int(amqp_get_frame_max(state))
        channelMax = unsafe UInt16(clamping: amqp_get_channel_max(state))
        let seconds = unsafe amqp_get_heartbeat(state)
        heartbeat = seconds > 0 ? .seconds(Int64(seconds)) : nil
        let status = unsafe amqp_tune_connection(state, Int32(channelMax), Int32(frameMax), 0)
        guard status == AMQP_STATUS_OK.rawValue else { throw Self.failure(.connectionLost, status) }
    }

    deinit {
        slot.clear()
        // Closes the socket as well, and never waits for the peer.
        unsafe amqp_destroy_connection(state)
    }

    /// Names the current thread, for tools.
    static func nameThread(_ name: String) { unsafe florin_amqp_name_thread(name) }

    /// For `poll`; owned by this object.
    var descriptor: Int32 { unsafe amqp_get_sockfd(state) }

    private func open(_ endpoint: AMQPEndpoint, _ configuration: AMQPConnection.Configuration) throws(AMQPError) {
        // The socket object belongs to the connection state, which frees it.
        guard let socket = unsafe amqp_tcp_socket_new(state) else { throw AMQPError(.system, "out of memory") }
        var bound = timeval(configuration.connectTimeout)
        let status = unsafe amqp_socket_open_noblock(socket, endpoint.host, Int32(endpoint.port), &bound)
        guard status == AMQP_STATUS_OK.rawValue else { throw Self.failure(.connectFailed, status) }
        slot.set(descriptor)
    }

    private func logIn(
        _ endpoint: AMQPEndpoint, name: String, _ configuration: AMQPConnection.Configuration
    ) throws(AMQPError) {
        var bound = timeval(configuration.handshakeTimeout)
        unsafe amqp_set_handshake_timeout(state, &bound)
        let arena = EncodingArena()
        var properties = unsafe arena.table(Self.clientProperties(name: name))
        let reply = unsafe florin_amqp_login_plain(
            state, endpoint.virtualHost, 2047, 131_072, Int32(clamping: configuration.heartbeat.components.seconds),
            &properties, endpoint.user, endpoint.password)
        if let failure = unsafe Self.loginFailure(reply) { throw failure }
        setUserTimeout(configuration.deadPeerTimeout)
    }

    /// librabbitmq announces only some capabilities by itself; without the first two the broker never says that it is
    /// blocked or that a queue was deleted under a consumer.
    private static func clientProperties(name: String) -> AMQPTable {
        let capabilities = [
            "connection.blocked", "consumer_cancel_notify", "publisher_confirms", "basic.nack",
            "authentication_failure_close", "exchange_exchange_bindings",
        ]
        return [
            "product": .string("Florin"), "connection_name": .string(name),
            "capabilities": .table(AMQPTable(capabilities.map { AMQPTable.Entry(name: $0, value: .bool(true)) })),
        ]
    }

    private static func loginFailure(_ reply: amqp_rpc_reply_t) -> AMQPError? {
        switch unsafe reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return nil
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            guard unsafe Int(reply.reply.id) == FLORIN_AMQP_CONNECTION_CLOSE, let decoded = unsafe reply.reply.decoded
            else { return AMQPError(.loginRefused, "the broker refused the login") }
            let close = unsafe decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return unsafe AMQPError(
                .loginRefused, "\(close.reply_code) \(FrameDecoder.string(close.reply_text))")
        default: return unsafe failure(.connectFailed, reply.library_error)
        }
    }

    private static func failure(_ code: AMQPError.Code, _ status: Int32) -> AMQPError {
        guard let text = unsafe amqp_error_string2(status) else { return AMQPError(code, "status \(status)") }
        return unsafe AMQPError(code, String(cString: text))
    }

    /// The next frame that has arrived, or `nil` when there is none; never waits.
    func receive() throws(AMQPError) -> InboundFrame? {
        var frame = unsafe amqp_frame_t()
        var now = timeval(tv_sec: 0, tv_usec: 0)
        while true {
            let status = unsafe amqp_simple_wait_frame_noblock(state, &frame, &now)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            guard status == AMQP_STATUS_OK.rawValue else { throw Self.failure(.connectionLost, status) }
            let copy = unsafe FrameDecoder.frame(frame)
            // Decoded memory grows per channel until released; everything needed has been copied.
            unsafe amqp_maybe_release_buffers_on_channel(state, frame.channel)
            if let copy { return copy }
        }
    }

    /// Writes what the socket takes now; answers how much. Never waits.
    func write(_ bytes: ArraySlice<UInt8>) throws(AMQPError) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: throw AMQPError(.connectionLost, "write: errno \(errno)")
            }
        }
    }

    /// How long written bytes may stay unacknowledged, or the peer's window closed, before the kernel gives the
    /// connection up (RFC 5482); `nil` for the system's default. Best effort: heartbeats notice a dead peer as well.
    func setUserTimeout(_ timeout: Duration?) {
        var milliseconds = UInt32(clamping: (timeout ?? .zero).components.seconds * 1000)
        unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<UInt32>.size))
    }
}

extension timeval {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
