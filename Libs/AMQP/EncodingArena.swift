internal import CRabbitMQ

/// Memory for the arguments of C calls: strings and tables stay valid until `reset`. Confined to one thread.
@safe final class EncodingArena {
    private static let blockSize = 16384
    private var blocks: [UnsafeMutableRawBufferPointer] = unsafe []
    private var used = 0

    deinit { while let block = unsafe blocks.popLast() { unsafe block.deallocate() } }

    /// Forgets everything handed out; keeps one block for the next call.
    func reset() {
        used = 0
        while unsafe blocks.count > 1 { unsafe blocks.removeLast().deallocate() }
    }

    private func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let size = max(1, (count + 15) & ~15)
        if let block = unsafe blocks.last, block.count - used >= size {
            defer { used += size }
            return unsafe block.baseAddress! + used
        }
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(size, Self.blockSize), alignment: 16)
        unsafe blocks.append(block)
        used = size
        return block.baseAddress!
    }

    /// A copy of the text's UTF-8.
    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { unsafe copy(UnsafeRawBufferPointer($0)) }
    }

    private func bytes(_ array: [UInt8]) -> amqp_bytes_t { unsafe array.withUnsafeBytes { unsafe copy($0) } }

    private func copy(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        let target = unsafe allocate(source.count)
        if let base = source.baseAddress { unsafe target.copyMemory(from: base, byteCount: source.count) }
        return unsafe amqp_bytes_t(len: source.count, bytes: target)
    }

    /// A copy of the table, nested ones included.
    func table(_ table: AMQPTable) -> amqp_table_t {
        let count = table.entries.count
        guard count > 0 else { return unsafe amqp_table_t(num_entries: 0, entries: nil) }
        let memory = unsafe allocate(count * MemoryLayout<amqp_table_entry_t>.stride)
        let entries = unsafe memory.bindMemory(to: amqp_table_entry_t.self, capacity: count)
        for (index, entry) in table.entries.enumerated() {
            let field = unsafe amqp_table_entry_t(key: bytes(entry.name), value: value(entry.value))
            unsafe (entries + index).initialize(to: field)
        }
        return unsafe amqp_table_t(num_entries: Int32(count), entries: entries)
    }

    private func value(_ value: AMQPValue) -> amqp_field_value_t {
        var field = unsafe amqp_field_value_t()
        func set(_ kind: amqp_field_value_kind_t) { unsafe field.kind = UInt8(truncatingIfNeeded: kind.rawValue) }
        switch value {
        case .bool(let flag):
            set(AMQP_FIELD_KIND_BOOLEAN)
            unsafe field.value.boolean = flag ? 1 : 0
        case .int(let number):
            set(AMQP_FIELD_KIND_I64)
            unsafe field.value.i64 = number
        case .double(let number):
            set(AMQP_FIELD_KIND_F64)
            unsafe field.value.f64 = number
        case .string(let text):
            set(AMQP_FIELD_KIND_UTF8)
            unsafe field.value.bytes = bytes(text)
        case .bytes(let array):
            set(AMQP_FIELD_KIND_BYTES)
            unsafe field.value.bytes = bytes(array)
        case .timestamp(let seconds):
            set(AMQP_FIELD_KIND_TIMESTAMP)
            unsafe field.value.u64 = seconds
        case .array(let values):
            set(AMQP_FIELD_KIND_ARRAY)
            unsafe field.value.array = array(values)
        case .table(let nested):
            set(AMQP_FIELD_KIND_TABLE)
            unsafe field.value.table = table(nested)
        case .null: set(AMQP_FIELD_KIND_VOID)
        }
        return unsafe field
    }

    private func array(_ values: [AMQPValue]) -> amqp_array_t {
        let memory = unsafe allocate(values.count * MemoryLayout<amqp_field_value_t>.stride)
        let entries = unsafe memory.bindMemory(to: amqp_field_value_t.self, capacity: values.count)
        for (index, element) in values.enumerated() {
            unsafe (entries + index).initialize(to: value(element))
        }
        return unsafe amqp_array_t(num_entries: Int32(values.count), entries: entries)
    }
}
