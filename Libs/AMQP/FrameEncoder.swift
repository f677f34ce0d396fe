internal import CRabbitMQ

/// Turns methods and messages into AMQP 0-9-1 frames; the arguments are encoded by librabbitmq. Confined to one thread.
///
/// librabbitmq's own calls that send also write to the socket, and wait without a bound when the broker does not read.
/// Frames built here go into a buffer instead, so that the thread never waits for the broker.
@safe final class FrameEncoder {
    private let arena = EncodingArena()
    private let scratch: UnsafeMutableRawBufferPointer
    private let largestPayload: Int

    /// - Parameter frameMax: The negotiated frame size in bytes, 8 of which are header and end mark.
    init(frameMax: Int) {
        largestPayload = frameMax - 8
        unsafe scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: largestPayload, alignment: 16)
    }

    deinit { unsafe scratch.deallocate() }

    /// Appends an empty frame of type 8 on channel 0.
    func appendHeartbeat(to out: inout OutputBuffer) {
        appendFrame(type: AMQP_FRAME_HEARTBEAT, channel: 0, payload: 0, to: &out)
    }

    /// Appends one method frame.
    func append(_ method: OutboundMethod, channel: UInt16, to out: inout OutputBuffer) throws(AMQPError) {
        defer { arena.reset() }
        appendFrame(type: AMQP_FRAME_METHOD, channel: channel, payload: try payload(of: method), to: &out)
    }

    /// Appends the frames of `basic.publish`: method, header, bodies. On an error nothing was appended.
    func append(_ message: AMQPMessage, channel: UInt16, to out: inout OutputBuffer) throws(AMQPError) {
        defer { arena.reset() }
        guard !message.id.isEmpty else { throw AMQPError(.invalidArgument, "a message needs an id") }
        var header = OutputBuffer()
        let headerSize = try headerPayload(of: message)
        appendFrame(type: AMQP_FRAME_HEADER, channel: channel, payload: headerSize, to: &header)
        var publish = unsafe amqp_basic_publish_t()
        unsafe publish.exchange = arena.bytes(message.exchange)
        unsafe publish.routing_key = arena.bytes(message.routingKey)
        unsafe publish.mandatory = 1
        let size = try unsafe encode(FLORIN_AMQP_BASIC_PUBLISH, &publish)
        appendFrame(type: AMQP_FRAME_METHOD, channel: channel, payload: size, to: &out)
        try header.flush { bytes in
            out.append(bytes)
            return bytes.count
        }
        for start in stride(from: 0, to: message.body.count, by: largestPayload) {
            let fragment = message.body[start..<min(start + largestPayload, message.body.count)]
            appendPreamble(type: AMQP_FRAME_BODY, channel: channel, size: fragment.count, to: &out)
            out.append(fragment)
            out.append(byte: UInt8(AMQP_FRAME_END))
        }
    }

    private func appendPreamble(type: Int32, channel: UInt16, size: Int, to out: inout OutputBuffer) {
        out.append(byte: UInt8(truncatingIfNeeded: type))
        out.append(bigEndian: channel)
        out.append(bigEndian: UInt32(size))
    }

    private func appendFrame(type: Int32, channel: UInt16, payload size: Int, to out: inout OutputBuffer) {
        appendPreamble(type: type, channel: channel, size: size, to: &out)
        unsafe out.append(UnsafeRawBufferPointer(rebasing: scratch[..<size]))
        out.append(byte: UInt8(AMQP_FRAME_END))
    }

    /// Writes the method's number and arguments into the scratch memory; answers their size.
    private func encode<Arguments>(
        _ method: Int, _ arguments: inout Arguments
    ) throws(AMQPError) -> Int {
        let number = amqp_method_number_t(truncatingIfNeeded: method)
        unsafe scratch.storeBytes(of: number.bigEndian, as: UInt32.self)
        let target = unsafe amqp_bytes_t(len: scratch.count - 4, bytes: scratch.baseAddress! + 4)
        let size = unsafe withUnsafeMutablePointer(to: &arguments) { unsafe amqp_encode_method(number, $0, target) }
        guard size >= 0 else { throw Self.unencodable(size) }
        return Int(size) + 4
    }

    private static func unencodable(_ status: Int32) -> AMQPError {
        AMQPError(.invalidArgument, "a name is longer than 255 bytes or a table larger than a frame (\(status))")
    }

    private func headerPayload(of message: AMQPMessage) throws(AMQPError) -> Int {
        unsafe scratch.storeBytes(of: UInt16(FLORIN_AMQP_BASIC_CLASS).bigEndian, as: UInt16.self)
        unsafe scratch.storeBytes(of: 0, toByteOffset: 2, as: UInt16.self)
        unsafe scratch.storeBytes(of: UInt64(message.body.count).bigEndian, toByteOffset: 4, as: UInt64.self)
        var properties = unsafe cProperties(of: message)
        let target = unsafe amqp_bytes_t(len: scratch.count - 12, bytes: scratch.baseAddress! + 12)
        let size = unsafe withUnsafeMutablePointer(to: &properties) {
            unsafe amqp_encode_properties(UInt16(FLORIN_AMQP_BASIC_CLASS), $0, target)
        }
        guard size >= 0 else { throw Self.unencodable(size) }
        return Int(size) + 12
    }

    private func cProperties(of message: AMQPMessage) -> amqp_basic_properties_t {
        let source = message.properties
        var target = unsafe amqp_basic_properties_t()
        func has(_ flag: Int) { unsafe target._flags |= UInt32(flag) }
        func text(_ value: String?, _ flag: Int) -> amqp_bytes_t {
            guard let value else { return unsafe amqp_bytes_t(len: 0, bytes: nil) }
            has(flag)
            return unsafe arena.bytes(value)
        }
        unsafe target.content_type = text(source.contentType, FLORIN_AMQP_HAS_CONTENT_TYPE)
        unsafe target.content_encoding = text(source.contentEncoding, FLORIN_AMQP_HAS_CONTENT_ENCODING)
        unsafe target.correlation_id = text(source.correlationID, FLORIN_AMQP_HAS_CORRELATION_ID)
        unsafe target.expiration = text(source.expiration, FLORIN_AMQP_HAS_EXPIRATION)
        unsafe target.message_id = text(message.id, FLORIN_AMQP_HAS_MESSAGE_ID)
        unsafe target.type = text(source.type, FLORIN_AMQP_HAS_TYPE)
        has(FLORIN_AMQP_HAS_DELIVERY_MODE)
        unsafe target.delivery_mode = source.isPersistent ? 2 : 1
        if let priority = source.priority {
            has(FLORIN_AMQP_HAS_PRIORITY)
            unsafe target.priority = priority
        }
        if let timestamp = source.timestamp {
            has(FLORIN_AMQP_HAS_TIMESTAMP)
            unsafe target.timestamp = timestamp
        }
        if !source.headers.isEmpty {
            has(FLORIN_AMQP_HAS_HEADERS)
            unsafe target.headers = arena.table(source.headers)
        }
        return unsafe target
    }
}

extension FrameEncoder {
    /// Encodes the method into the scratch memory; answers the payload's size.
    private func payload(of method: OutboundMethod) throws(AMQPError) -> Int {
        switch method {
        case .exchangeDeclare(let exchange): return try payload(of: exchange)
        case .queueDeclare(let queue): return try payload(of: queue)
        case .queueBind(let binding): return try payload(of: binding)
        case .queueDelete(let name):
            var arguments = unsafe amqp_queue_delete_t()
            unsafe arguments.queue = arena.bytes(name)
            return try unsafe encode(FLORIN_AMQP_QUEUE_DELETE, &arguments)
        case .qos(let prefetch):
            var arguments = amqp_basic_qos_t()
            arguments.prefetch_count = prefetch
            return try encode(FLORIN_AMQP_BASIC_QOS, &arguments)
        case .consume(let queue, let isExclusive):
            var arguments = unsafe amqp_basic_consume_t()
            unsafe arguments.queue = arena.bytes(queue)
            unsafe arguments.exclusive = isExclusive ? 1 : 0
            return try unsafe encode(FLORIN_AMQP_BASIC_CONSUME, &arguments)
        case .ack(let tag, let multiple):
            var arguments = amqp_basic_ack_t(delivery_tag: tag, multiple: multiple ? 1 : 0)
            return try encode(FLORIN_AMQP_BASIC_ACK, &arguments)
        case .reject(let tag, let requeue):
            var arguments = amqp_basic_reject_t(delivery_tag: tag, requeue: requeue ? 1 : 0)
            return try encode(FLORIN_AMQP_BASIC_REJECT, &arguments)
        case .channelOpen, .channelClose, .channelCloseOK, .connectionClose, .connectionCloseOK, .confirmSelect:
            return try lifecyclePayload(of: method)
        }
    }

    private func lifecyclePayload(of method: OutboundMethod) throws(AMQPError) -> Int {
        switch method {
        case .channelOpen:
            var arguments = unsafe amqp_channel_open_t()
            return try unsafe encode(FLORIN_AMQP_CHANNEL_OPEN, &arguments)
        case .channelClose:
            var arguments = unsafe amqp_channel_close_t()
            unsafe arguments.reply_code = UInt16(AMQP_REPLY_SUCCESS)
            return try unsafe encode(FLORIN_AMQP_CHANNEL_CLOSE, &arguments)
        case .channelCloseOK:
            var arguments = amqp_channel_close_ok_t()
            return try encode(FLORIN_AMQP_CHANNEL_CLOSE_OK, &arguments)
        case .connectionClose:
            var arguments = unsafe amqp_connection_close_t()
            unsafe arguments.reply_code = UInt16(AMQP_REPLY_SUCCESS)
            return try unsafe encode(FLORIN_AMQP_CONNECTION_CLOSE, &arguments)
        case .connectionCloseOK:
            var arguments = amqp_connection_close_ok_t()
            return try encode(FLORIN_AMQP_CONNECTION_CLOSE_OK, &arguments)
        default:
            var arguments = amqp_confirm_select_t(nowait: 0)
            return try encode(FLORIN_AMQP_CONFIRM_SELECT, &arguments)
        }
    }

    private func payload(of exchange: AMQPExchange) throws(AMQPError) -> Int {
        var arguments = unsafe amqp_exchange_declare_t()
        unsafe arguments.exchange = arena.bytes(exchange.name)
        unsafe arguments.type = arena.bytes(exchange.kind.rawValue)
        unsafe arguments.durable = exchange.isDurable ? 1 : 0
        unsafe arguments.arguments = arena.table(exchange.arguments)
        return try unsafe encode(FLORIN_AMQP_EXCHANGE_DECLARE, &arguments)
    }

    private func payload(of queue: AMQPQueue) throws(AMQPError) -> Int {
        var arguments = unsafe amqp_queue_declare_t()
        unsafe arguments.queue = arena.bytes(queue.name)
        unsafe arguments.durable = queue.isDurable ? 1 : 0
        unsafe arguments.exclusive = queue.isExclusive ? 1 : 0
        unsafe arguments.auto_delete = queue.isAutoDelete ? 1 : 0
        unsafe arguments.arguments = arena.table(queue.arguments)
        return try unsafe encode(FLORIN_AMQP_QUEUE_DECLARE, &arguments)
    }

    private func payload(of binding: AMQPBinding) throws(AMQPError) -> Int {
        var arguments = unsafe amqp_queue_bind_t()
        unsafe arguments.exchange = arena.bytes(binding.exchange)
        unsafe arguments.queue = arena.bytes(binding.queue)
        unsafe arguments.routing_key = arena.bytes(binding.pattern)
        return try unsafe encode(FLORIN_AMQP_QUEUE_BIND, &arguments)
    }
}
