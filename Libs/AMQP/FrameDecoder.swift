internal import CRabbitMQ

/// Copies a decoded frame of librabbitmq into Swift values; nothing keeps pointing into the library's memory.
enum FrameDecoder {
    static func frame(_ frame: amqp_frame_t) -> InboundFrame? {
        let channel = unsafe frame.channel
        switch unsafe Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            return unsafe .method(channel: channel, method(frame.payload.method))
        case AMQP_FRAME_HEADER:
            guard let decoded = unsafe frame.payload.properties.decoded else { return nil }
            let properties = unsafe decoded.assumingMemoryBound(to: amqp_basic_properties_t.self)
            return unsafe .header(
                channel: channel, bodySize: frame.payload.properties.body_size, self.properties(properties.pointee))
        case AMQP_FRAME_BODY:
            return unsafe .body(channel: channel, array(frame.payload.body_fragment))
        default: return nil
        }
    }

    private static let replies: [Int: SynchronousReply] = [
        FLORIN_AMQP_CHANNEL_OPEN_OK: .channelOpen,
        FLORIN_AMQP_CHANNEL_CLOSE_OK: .channelClose,
        FLORIN_AMQP_CONNECTION_CLOSE_OK: .connectionClose,
        FLORIN_AMQP_EXCHANGE_DECLARE_OK: .exchangeDeclare,
        FLORIN_AMQP_QUEUE_DECLARE_OK: .queueDeclare,
        FLORIN_AMQP_QUEUE_BIND_OK: .queueBind,
        FLORIN_AMQP_QUEUE_DELETE_OK: .queueDelete,
        FLORIN_AMQP_CONFIRM_SELECT_OK: .confirmSelect,
        FLORIN_AMQP_BASIC_QOS_OK: .qos,
        FLORIN_AMQP_BASIC_CONSUME_OK: .consume,
    ]

    private static func method(_ method: amqp_method_t) -> InboundMethod {
        let id = unsafe Int(method.id)
        guard let decoded = unsafe method.decoded else { return .other(id: UInt32(truncatingIfNeeded: id)) }
        switch id {
        case FLORIN_AMQP_BASIC_DELIVER:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            return unsafe .deliver(
                InboundMethod.Delivering(
                    tag: arguments.delivery_tag, redelivered: arguments.redelivered != 0,
                    exchange: string(arguments.exchange), routingKey: string(arguments.routing_key)))
        case FLORIN_AMQP_BASIC_ACK:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .ack(tag: arguments.delivery_tag, multiple: arguments.multiple != 0)
        case FLORIN_AMQP_BASIC_NACK:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .nack(tag: arguments.delivery_tag, multiple: arguments.multiple != 0)
        case FLORIN_AMQP_BASIC_RETURN:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            return unsafe .returned(code: arguments.reply_code, text: string(arguments.reply_text))
        case FLORIN_AMQP_BASIC_CANCEL: return .cancel
        case FLORIN_AMQP_CHANNEL_CLOSE:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return unsafe .channelClose(code: arguments.reply_code, text: string(arguments.reply_text))
        case FLORIN_AMQP_CONNECTION_CLOSE:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return unsafe .connectionClose(code: arguments.reply_code, text: string(arguments.reply_text))
        case FLORIN_AMQP_CONNECTION_BLOCKED:
            let arguments = unsafe decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee
            return unsafe .blocked(reason: string(arguments.reason))
        case FLORIN_AMQP_CONNECTION_UNBLOCKED: return .unblocked
        default: return replies[id].map(InboundMethod.completed) ?? .other(id: UInt32(truncatingIfNeeded: id))
        }
    }

    private static func properties(_ source: amqp_basic_properties_t) -> AMQPProperties {
        let flags = unsafe Int(source._flags)
        func has(_ flag: Int) -> Bool { flags & flag != 0 }
        var target = AMQPProperties(isPersistent: false)
        if has(FLORIN_AMQP_HAS_CONTENT_TYPE) { unsafe target.contentType = string(source.content_type) }
        if has(FLORIN_AMQP_HAS_CONTENT_ENCODING) { unsafe target.contentEncoding = string(source.content_encoding) }
        if has(FLORIN_AMQP_HAS_HEADERS) { unsafe target.headers = table(source.headers) }
        if has(FLORIN_AMQP_HAS_DELIVERY_MODE) { unsafe target.isPersistent = source.delivery_mode == 2 }
        if has(FLORIN_AMQP_HAS_PRIORITY) { unsafe target.priority = source.priority }
        if has(FLORIN_AMQP_HAS_CORRELATION_ID) { unsafe target.correlationID = string(source.correlation_id) }
        if has(FLORIN_AMQP_HAS_EXPIRATION) { unsafe target.expiration = string(source.expiration) }
        if has(FLORIN_AMQP_HAS_MESSAGE_ID) { unsafe target.messageID = string(source.message_id) }
        if has(FLORIN_AMQP_HAS_TIMESTAMP) { unsafe target.timestamp = source.timestamp }
        if has(FLORIN_AMQP_HAS_TYPE) { unsafe target.type = string(source.type) }
        return target
    }

    /// The bytes as text; malformed UTF-8 is replaced.
    static func string(_ bytes: amqp_bytes_t) -> String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
    }

    private static func array(_ bytes: amqp_bytes_t) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len))
    }

    private static func table(_ source: amqp_table_t) -> AMQPTable {
        let entries = unsafe UnsafeBufferPointer(start: source.entries, count: Int(source.num_entries))
        return AMQPTable(
            unsafe entries.map { entry in
                unsafe AMQPTable.Entry(name: string(entry.key), value: value(entry.value))
            })
    }

    private static func value(_ field: amqp_field_value_t) -> AMQPValue {
        let kind = unsafe amqp_field_value_kind_t(rawValue: UInt32(field.kind))
        let value = unsafe field.value
        switch kind {
        case AMQP_FIELD_KIND_BOOLEAN: return unsafe .bool(value.boolean != 0)
        case AMQP_FIELD_KIND_I8: return unsafe .int(Int64(value.i8))
        case AMQP_FIELD_KIND_U8: return unsafe .int(Int64(value.u8))
        case AMQP_FIELD_KIND_I16: return unsafe .int(Int64(value.i16))
        case AMQP_FIELD_KIND_U16: return unsafe .int(Int64(value.u16))
        case AMQP_FIELD_KIND_I32: return unsafe .int(Int64(value.i32))
        case AMQP_FIELD_KIND_U32: return unsafe .int(Int64(value.u32))
        case AMQP_FIELD_KIND_I64: return unsafe .int(value.i64)
        case AMQP_FIELD_KIND_U64: return unsafe .int(Int64(clamping: value.u64))
        case AMQP_FIELD_KIND_F32: return unsafe .double(Double(value.f32))
        case AMQP_FIELD_KIND_F64: return unsafe .double(value.f64)
        case AMQP_FIELD_KIND_TIMESTAMP: return unsafe .timestamp(value.u64)
        case AMQP_FIELD_KIND_UTF8: return unsafe .string(string(value.bytes))
        case AMQP_FIELD_KIND_BYTES: return unsafe .bytes(array(value.bytes))
        case AMQP_FIELD_KIND_TABLE: return unsafe .table(table(value.table))
        case AMQP_FIELD_KIND_ARRAY:
            let entries = unsafe UnsafeBufferPointer(
                start: value.array.entries, count: Int(value.array.num_entries))
            return .array(unsafe entries.map { unsafe self.value($0) })
        default: return .null
        }
    }
}
