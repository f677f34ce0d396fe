internal import CNghttp2
internal import EventLoop

/// What a session tells its connection, on the loop, from within the HTTP/2 library.
protocol HTTP2SessionDelegate: AnyObject {
    /// The peer opened a stream: the receiver sets its handler.
    func session(_ session: HTTP2Session, opened stream: HTTP2Stream)
    /// The peer sent SETTINGS.
    func sessionReceivedSettings(_ session: HTTP2Session)
    /// The peer will not serve streams of ours above that id.
    func session(_ session: HTTP2Session, receivedGoAway lastStream: Int32, _ error: HTTP2ErrorCode, reason: String)
    /// A stream is gone, which makes room for another.
    func sessionClosedStream(_ session: HTTP2Session)
    /// Our ping came back.
    func session(_ session: HTTP2Session, receivedPingAcknowledgement payload: UInt64)
    /// The peer sent a frame that moves nothing.
    func sessionReceivedControlFrame(_ session: HTTP2Session)
}

/// The one owner of an `nghttp2_session`: HTTP/2 framing, header compression and flow control, without input or output.
///
/// Confined to one loop. Calls that submit frames may be made from within the delegate's and handlers' functions;
/// `receive` and `takeOutput` may not, which nghttp2 forbids.
@safe
package final class HTTP2Session {
    /// Which end of the connection this is.
    package enum Role { case client, server }

    /// The bytes break the protocol beyond repair, or memory ran out; the connection must be closed.
    package struct Fatal: Error {}

    private var handle: OpaquePointer?
    package private(set) var streams: [Int32: HTTP2Stream] = [:]
    private let maximumHeaderListBytes: Int
    private weak var delegate: (any HTTP2SessionDelegate)?
    private var fieldBytes: [UInt8] = []

    init(role: Role, settings: HTTP2Settings, delegate: any HTTP2SessionDelegate) throws(Fatal) {
        maximumHeaderListBytes = settings.maximumHeaderListBytes
        self.delegate = delegate
        guard let options = HTTP2Options(settings) else { throw Fatal() }
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        let callbacks = unsafe HTTP2Callbacks.shared.handle
        let result =
            switch role {
            case .client: unsafe nghttp2_session_client_new2(&handle, callbacks, me, options.handle)
            case .server: unsafe nghttp2_session_server_new2(&handle, callbacks, me, options.handle)
            }
        guard result == 0 else { throw Fatal() }
        try submit(settings, role: role)
    }

    deinit { unsafe nghttp2_session_del(handle) }

    private func submit(_ settings: HTTP2Settings, role: Role) throws(Fatal) {
        var entries = [
            nghttp2_settings_entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
            nghttp2_settings_entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(settings.maximumHeaderListBytes)),
        ]
        switch role {
        case .client: entries.append(nghttp2_settings_entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        case .server:
            let limit = settings.maximumConcurrentStreams
            entries.append(nghttp2_settings_entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limit))
        }
        guard unsafe nghttp2_submit_settings(handle, 0, entries, entries.count) == 0,
            unsafe nghttp2_session_set_local_window_size(handle, 0, 0, settings.connectionWindow) == 0
        else { throw Fatal() }
    }

    // MARK: Bytes

    /// Takes bytes from the peer; what they mean is told to the delegate and the handlers before it returns.
    func receive(_ bytes: RawSpan) throws(Fatal) {
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe nghttp2_session_mem_recv(
                handle, buffer.assumingMemoryBound(to: UInt8.self).baseAddress, buffer.count)
        }
        if result < 0 { throw Fatal() }
    }

    /// Appends frames that are ready to be sent until the buffer has that many bytes or nothing is left.
    func takeOutput(into buffer: inout [UInt8], upTo limit: Int) throws(Fatal) {
        while buffer.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(handle, &bytes)
            if count < 0 { throw Fatal() }
            if count == 0 { return }
            unsafe buffer.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }
    }

    /// True when nothing is left to be read or written: GOAWAY was exchanged and no stream is open.
    var isFinished: Bool {
        unsafe nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    // MARK: Streams

    /// Opens a stream with a request and its body; nil when the connection takes no more.
    package func request(
        _ fields: [HeaderField], body: [UInt8], isEnded: Bool = true, handler: any HTTP2StreamHandler
    ) -> HTTP2Stream? {
        request(fields, pieces: [body], isEnded: isEnded, handler: handler)
    }

    /// As `request(_:body:isEnded:handler:)` for a body in pieces.
    package func request(
        _ fields: [HeaderField], pieces: [[UInt8]], isEnded: Bool = true, handler: any HTTP2StreamHandler
    ) -> HTTP2Stream? {
        let nextID = unsafe nghttp2_session_get_next_stream_id(handle)
        guard nextID < UInt32(Int32.max), unsafe nghttp2_session_check_request_allowed(handle) != 0 else { return nil }
        let stream = HTTP2Stream(id: Int32(nextID))
        stream.handler = handler
        for piece in pieces { stream.body.append(piece) }
        if isEnded { stream.body.end() }
        streams[stream.id] = stream
        let id = unsafe withNameValues(fields) { fields, count in
            var provider = unsafe dataProvider(for: stream)
            return unsafe nghttp2_submit_request(handle, nil, fields, count, &provider, nil)
        }
        guard id == stream.id else {
            streams[stream.id] = nil
            return nil
        }
        return stream
    }

    /// Answers a stream with headers; bytes and trailers follow by `send`.
    package func respond(_ stream: HTTP2Stream, _ fields: [HeaderField]) {
        _ = unsafe withNameValues(fields) { fields, count in
            var provider = unsafe dataProvider(for: stream)
            return unsafe nghttp2_submit_response(handle, stream.id, fields, count, &provider)
        }
    }

    /// Answers a stream with headers alone, which end it.
    package func respondAndEnd(_ stream: HTTP2Stream, _ fields: [HeaderField]) {
        _ = unsafe withNameValues(fields) { unsafe nghttp2_submit_response(handle, stream.id, $0, $1, nil) }
    }

    /// Queues bytes after the headers of a response.
    package func send(_ bytes: [UInt8], on stream: HTTP2Stream) {
        stream.body.append(bytes)
        resume(stream)
    }

    /// Ends a response with trailers, after the bytes queued before.
    package func end(_ stream: HTTP2Stream, trailers: [HeaderField]) {
        stream.body.end(trailers: trailers)
        resume(stream)
    }

    /// Ends a response after the bytes queued before.
    package func end(_ stream: HTTP2Stream) {
        stream.body.end()
        resume(stream)
    }

    /// Sends an interim response, such as `100 Continue`, before the final one.
    package func inform(_ stream: HTTP2Stream, _ fields: [HeaderField]) {
        _ = unsafe withNameValues(fields) {
            unsafe nghttp2_submit_headers(handle, 0, stream.id, nil, $0, $1, nil)
        }
    }

    private func resume(_ stream: HTTP2Stream) {
        guard stream.isStarved else { return }
        stream.isStarved = false
        unsafe nghttp2_session_resume_data(handle, stream.id)
    }

    /// Ends the stream at once, in both directions.
    package func reset(_ stream: HTTP2Stream, _ error: HTTP2ErrorCode) {
        unsafe nghttp2_submit_rst_stream(handle, 0, stream.id, error.rawValue)
    }

    /// Gives the peer credit for bytes of a stream that were used up.
    package func consume(_ count: Int, of stream: HTTP2Stream) {
        unsafe nghttp2_session_consume_stream(handle, stream.id, count)
    }

    // MARK: The connection

    /// True when the peer allows one more stream of ours.
    var hasRoom: Bool { streams.count < peerMaximumConcurrentStreams }

    /// Streams of ours the peer allows at once.
    var peerMaximumConcurrentStreams: Int {
        unsafe Int(nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Sends a PING with those eight bytes.
    func ping(_ payload: UInt64) {
        unsafe withUnsafeBytes(of: payload.bigEndian) { bytes in
            _ = unsafe nghttp2_submit_ping(handle, 0, bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
        }
    }

    /// Tells the peer that the connection will end, while its streams under way are still taken (RFC 9113, section 6.8).
    func announceGoAway() { unsafe nghttp2_submit_shutdown_notice(handle) }

    /// Tells the peer that no stream after those seen so far is taken.
    func goAway(_ error: HTTP2ErrorCode) {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
        unsafe nghttp2_submit_goaway(handle, 0, last, error.rawValue, nil, 0)
    }

    /// Sends GOAWAY and nothing after it; open streams are lost.
    func terminate(_ error: HTTP2ErrorCode) { unsafe nghttp2_session_terminate_session(handle, error.rawValue) }

    /// Tells every open stream that it is gone with the connection.
    ///
    /// The streams themselves stay: nghttp2 points to them until it is deleted.
    func abandonStreams() {
        for stream in streams.values {
            let handler = stream.handler
            stream.handler = nil
            handler?.streamLost(wasSent: stream.wasSent)
        }
    }

    private func withNameValues<Result>(
        _ fields: [HeaderField], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
    ) -> Result {
        fieldBytes.removeAll(keepingCapacity: true)
        for field in fields {
            fieldBytes.append(contentsOf: field.name.utf8)
            fieldBytes.append(contentsOf: field.value.utf8)
        }
        return unsafe fieldBytes.withUnsafeMutableBufferPointer { bytes in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { list in
                var next = bytes.baseAddress
                for (index, field) in fields.enumerated() {
                    let (name, value) = (field.name.utf8.count, field.value.utf8.count)
                    let nameValue = unsafe nghttp2_nv(
                        name: next, value: next.map { unsafe $0 + name }, namelen: name, valuelen: value, flags: 0)
                    unsafe list.initializeElement(at: index, to: nameValue)
                    unsafe next = next.map { unsafe $0 + name + value }
                }
                return unsafe body(UnsafePointer(list.baseAddress), fields.count)
            }
        }
    }

    /// nghttp2 reads from the provider until the stream closes, and `streams` holds the stream until then.
    private func dataProvider(for stream: HTTP2Stream) -> nghttp2_data_provider {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        unsafe provider.read_callback = HTTP2Callbacks.readBody
        return unsafe provider
    }
}

// MARK: What nghttp2 calls

extension HTTP2Session {
    func opened(_ id: Int32) {
        let stream = HTTP2Stream(id: id)
        streams[id] = stream
        delegate?.session(self, opened: stream)
    }

    func began(headersOf id: Int32) {
        streams[id]?.block = HeaderBlock()
        streams[id]?.blockBytes = 0
    }

    func received(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, on id: Int32) {
        guard let stream = streams[id] else { return }
        stream.blockBytes += name.count + value.count + 32
        guard stream.blockBytes <= maximumHeaderListBytes else {
            stream.block.isOversized = true
            return
        }
        guard let name = unsafe String(validating: name, as: UTF8.self),
            let value = unsafe String(validating: value, as: UTF8.self)
        else { return receivedMalformedField(on: id) }
        stream.block.fields.append(HeaderField(name, value))
    }

    /// The stream is reset once its block is complete: before that it cannot be (RFC 9113, sections 6.10 and 8.1.1).
    func receivedMalformedField(on id: Int32) { streams[id]?.isMalformed = true }

    func receivedControlFrame() { delegate?.sessionReceivedControlFrame(self) }

    func received(headersOf id: Int32, isEndOfStream: Bool) {
        guard let stream = streams[id] else { return }
        guard !stream.isMalformed else { return reset(stream, .protocolError) }
        var block = stream.block
        stream.block = HeaderBlock()
        block.isEndOfStream = isEndOfStream
        stream.handler?.streamReceived(block)
    }

    func received(_ bytes: UnsafeRawBufferPointer, on id: Int32) {
        // The connection's window is given back at once: a slow stream holds its own window only, never its neighbours'.
        unsafe nghttp2_session_consume_connection(handle, bytes.count)
        guard let stream = streams[id] else { return }
        guard let handler = stream.handler else { return consume(bytes.count, of: stream) }
        unsafe handler.streamReceived(bytes.bytes)
    }

    func received(endOf id: Int32) { streams[id]?.handler?.streamReceivedEnd() }

    func receivedSettings() { delegate?.sessionReceivedSettings(self) }

    func received(goAway lastStream: Int32, _ error: HTTP2ErrorCode, reason: String) {
        delegate?.session(self, receivedGoAway: lastStream, error, reason: reason)
    }

    func received(pingAcknowledgement payload: UInt64) {
        delegate?.session(self, receivedPingAcknowledgement: payload)
    }

    func sent(headersOf id: Int32, isEndOfStream: Bool) {
        guard let stream = streams[id] else { return }
        stream.wasSent = true
        if isEndOfStream { sent(endOf: id) }
    }

    func sent(endOf id: Int32) {
        guard let stream = streams[id] else { return }
        // RFC 9113, section 8.1. Not before: nghttp2 drops the frames of a stream that is to be reset.
        if stream.stopsPeerWhenEnded, unsafe nghttp2_session_get_stream_remote_close(handle, id) == 0 {
            reset(stream, .noError)
        }
    }

    func closed(_ id: Int32, _ error: HTTP2ErrorCode) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.handler?.streamClosed(error, wasSent: stream.wasSent)
        delegate?.sessionClosedStream(self)
    }

    /// Fills a DATA frame; the result is what nghttp2's read callback has to return.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, from stream: HTTP2Stream, flags: inout UInt32) -> Int {
        let queued = stream.body.queuedBytes
        let (count, then) = unsafe stream.body.take(into: buffer)
        if queued >= HTTP2Stream.lowMark, stream.body.queuedBytes < HTTP2Stream.lowMark {
            stream.handler?.streamDrained()
        }
        switch then {
        case .more: break
        case .starved:
            stream.isStarved = count == 0
            if count == 0 { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        case .ended: flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        case .trailers(let fields):
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            _ = unsafe withNameValues(fields) { unsafe nghttp2_submit_trailer(handle, stream.id, $0, $1) }
        }
        return count
    }
}

extension nghttp2_settings_entry {
    fileprivate init(_ id: nghttp2_settings_id, _ value: UInt32) {
        self.init(settings_id: Int32(id.rawValue), value: value)
    }
}
