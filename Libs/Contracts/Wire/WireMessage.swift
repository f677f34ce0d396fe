internal import CContracts

#if canImport(Glibc)
internal import Glibc
#endif

/// A message that knows its protobuf-c counterpart; generated code conforms.
protocol WireMessage {
    /// The struct that protobuf-c works on.
    associatedtype CMessage

    /// Copies a decoded message.
    @unsafe init(copying message: UnsafePointer<CMessage>) throws(ContractError)

    /// Writes the message into a struct that `initialize` has prepared; what it points to lives in the arena.
    @unsafe func fill(_ message: UnsafeMutablePointer<CMessage>, in arena: borrowing MessageArena) throws(ContractError)

    /// protobuf-c's `…__init`.
    @unsafe static func initialize(_ message: UnsafeMutablePointer<CMessage>)

    /// protobuf-c's `…__unpack`.
    @unsafe static func unpack(
        _ allocator: UnsafeMutablePointer<ProtobufCAllocator>, _ count: Int, _ bytes: UnsafePointer<UInt8>?
    ) -> UnsafeMutablePointer<CMessage>?
}

extension WireMessage {
    /// The message as Protocol Buffers encode it.
    func encodeWire() throws(ContractError) -> [UInt8] {
        let arena = try MessageArena()
        let message = unsafe try pointer(in: arena)
        return unsafe message.withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { base in
            let count = unsafe protobuf_c_message_get_packed_size(base)
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
                unsafe written = count == 0 ? 0 : protobuf_c_message_pack(base, buffer.baseAddress)
            }
        }
    }

    /// Reads an encoded message.
    init(decodingWire bytes: [UInt8]) throws(ContractError) {
        let arena = try MessageArena()
        let allocator = unsafe arena.allocator
        var decoded: UnsafeMutablePointer<CMessage>?
        var hasNUL = false
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe decoded = Self.unpack(allocator, buffer.count, buffer.baseAddress)
            guard let message = unsafe decoded, let base = buffer.baseAddress else { return }
            // A zero byte may also be a number or a length: only then is the walk over the fields needed.
            guard unsafe memchr(base, 0, buffer.count) != nil else { return }
            unsafe message.withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { header in
                hasNUL = unsafe florin_wire_has_nul_in_string(header.pointee.descriptor, base, buffer.count)
            }
        }
        guard let message = unsafe decoded else { throw ContractError(.malformedMessage) }
        guard !hasNUL else { throw ContractError(.containsNUL) }
        unsafe try self.init(copying: message)
    }

    /// A copy of the message in the arena.
    func pointer(in arena: borrowing MessageArena) throws(ContractError) -> UnsafeMutablePointer<CMessage> {
        let message = unsafe try arena.allocate(CMessage.self)
        unsafe Self.initialize(message)
        unsafe try fill(message, in: arena)
        return unsafe message
    }
}

/// The text of a C string from protobuf-c, which does not check UTF-8.
func text(_ pointer: UnsafePointer<CChar>?) throws(ContractError) -> String {
    guard let pointer = unsafe pointer else { return "" }
    guard let text = unsafe String(validatingCString: pointer) else { throw ContractError(.invalidUTF8) }
    return text
}

/// The texts of a list of C strings.
func texts(
    _ pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, count: Int
) throws(ContractError) -> [String] {
    guard let pointer = unsafe pointer else { return [] }
    var result: [String] = []
    result.reserveCapacity(count)
    for position in 0..<count { result.append(try unsafe text(pointer[position])) }
    return result
}

/// The bytes that protobuf-c points to.
func bytes(_ data: ProtobufCBinaryData) -> ArraySlice<UInt8> {
    unsafe ArraySlice(UnsafeBufferPointer(start: data.data, count: data.len))
}

/// The messages of a list.
func messages<Message: WireMessage>(
    _ pointer: UnsafeMutablePointer<UnsafeMutablePointer<Message.CMessage>?>?, count: Int
) throws(ContractError) -> [Message] {
    guard let pointer = unsafe pointer else { return [] }
    var result: [Message] = []
    result.reserveCapacity(count)
    for position in 0..<count {
        guard let element = unsafe pointer[position] else { throw ContractError(.malformedMessage) }
        result.append(unsafe try Message(copying: element))
    }
    return result
}
