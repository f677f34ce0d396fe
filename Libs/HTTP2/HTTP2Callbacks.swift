internal import CNghttp2

/// Options of one session; nghttp2 copies them, so they live only while the session is made.
@safe
final class HTTP2Options {
    let handle: OpaquePointer

    init?(_ settings: HTTP2Settings) {
        var options: OpaquePointer?
        guard unsafe nghttp2_option_new(&options) == 0, let options = unsafe options else { return nil }
        unsafe handle = options
        // Credit is given back when a message is used, not when it arrives: that is the backpressure.
        unsafe nghttp2_option_set_no_auto_window_update(handle, 1)
        unsafe nghttp2_option_set_no_closed_streams(handle, 1)
        unsafe nghttp2_option_set_stream_reset_rate_limit(handle, settings.resetBurst, settings.resetsPerSecond)
    }

    deinit { unsafe nghttp2_option_del(handle) }
}

/// The C functions that nghttp2 calls, each handing over to the `HTTP2Session` that is its user data.
@safe
// Immutable after its initialiser, and nghttp2 only reads it (a session copies it when it is made).
final class HTTP2Callbacks: @unchecked Sendable {
    /// The set that all sessions share; lives as long as the process.
    static let shared = HTTP2Callbacks()

    let handle: OpaquePointer?

    private init() {
        var callbacks: OpaquePointer?
        // Out of memory at start: sessions made without callbacks refuse to be made, which is reported there.
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else {
            unsafe handle = nil
            return
        }
        unsafe handle = callbacks
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(handle, Self.beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(handle, Self.header)
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(handle, Self.invalidHeader)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(handle, Self.frameReceived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(handle, Self.dataReceived)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(handle, Self.frameSent)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(handle, Self.streamClosed)
    }

    deinit { unsafe nghttp2_session_callbacks_del(handle) }

    /// The user data is the session itself, which outlives its `nghttp2_session` and so every callback.
    private static func session(_ userData: UnsafeMutableRawPointer?) -> HTTP2Session {
        unsafe Unmanaged<HTTP2Session>.fromOpaque(userData!).takeUnretainedValue()
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, userData in
        let session = unsafe session(userData)
        let header = unsafe frame!.pointee.hd
        if UInt32(header.type) == NGHTTP2_HEADERS.rawValue, unsafe frame!.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            session.opened(header.stream_id)
        }
        session.began(headersOf: header.stream_id)
        return 0
    }

    private static let header: nghttp2_on_header_callback = {
        _, frame, name, nameCount, value, valueCount, _, userData in
        let id = unsafe frame!.pointee.hd.stream_id
        unsafe session(userData).received(
            UnsafeBufferPointer(start: name, count: nameCount), UnsafeBufferPointer(start: value, count: valueCount),
            on: id)
        return 0
    }

    /// Left alone, nghttp2 would drop the field and hand on the rest, which is then not what the peer sent.
    private static let invalidHeader: nghttp2_on_invalid_header_callback = { _, frame, _, _, _, _, _, userData in
        let id = unsafe frame!.pointee.hd.stream_id
        unsafe session(userData).receivedMalformedField(on: id)
        return 0
    }

    private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, userData in
        let session = unsafe session(userData)
        let header = unsafe frame!.pointee.hd
        let isEndOfStream = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        let isAcknowledgement = UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue != 0
        if unsafe isControl(frame!.pointee.hd) { session.receivedControlFrame() }
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS: session.received(headersOf: header.stream_id, isEndOfStream: isEndOfStream)
        case NGHTTP2_DATA where isEndOfStream: session.received(endOf: header.stream_id)
        case NGHTTP2_SETTINGS where !isAcknowledgement: session.receivedSettings()
        case NGHTTP2_PING where isAcknowledgement:
            let payload = unsafe withUnsafeBytes(of: frame!.pointee.ping.opaque_data) { bytes in
                unsafe bytes.loadUnaligned(as: UInt64.self)
            }
            session.received(pingAcknowledgement: UInt64(bigEndian: payload))
        case NGHTTP2_GOAWAY:
            let goAway = unsafe frame!.pointee.goaway
            let reason = unsafe UnsafeBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
            unsafe session.received(
                goAway: goAway.last_stream_id, HTTP2ErrorCode(rawValue: goAway.error_code),
                reason: String(decoding: reason, as: UTF8.self))
        default: break
        }
        return 0
    }

    /// Frames that cost work and move nothing.
    private static func isControl(_ header: nghttp2_frame_hd) -> Bool {
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_PING, NGHTTP2_SETTINGS, NGHTTP2_PRIORITY, NGHTTP2_RST_STREAM: true
        case NGHTTP2_DATA: header.length == 0 && UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue == 0
        default: false
        }
    }

    private static let dataReceived: nghttp2_on_data_chunk_recv_callback = { _, _, id, bytes, count, userData in
        unsafe session(userData).received(UnsafeRawBufferPointer(start: bytes, count: count), on: id)
        return 0
    }

    private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, userData in
        let header = unsafe frame!.pointee.hd
        let isEndOfStream = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS:
            unsafe session(userData).sent(headersOf: header.stream_id, isEndOfStream: isEndOfStream)
        case NGHTTP2_DATA where isEndOfStream: unsafe session(userData).sent(endOf: header.stream_id)
        default: break
        }
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, id, error, userData in
        unsafe session(userData).closed(id, HTTP2ErrorCode(rawValue: error))
        return 0
    }

    /// Reads the next bytes of a stream's body; the source is the `HTTP2Stream`.
    static let readBody: nghttp2_data_source_read_callback = { _, _, buffer, capacity, flags, source, userData in
        let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
        let target = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: capacity)
        return unsafe session(userData).fill(target, from: stream, flags: &flags!.pointee)
    }
}
