internal import CContracts

#if canImport(Glibc)
internal import Glibc
#endif

/// The memory of one message while it goes through protobuf-c: owns the C arena and frees it at the end of its scope.
@safe struct MessageArena: ~Copyable {
    private let handle: OpaquePointer

    init() throws(ContractError) {
        guard let handle = unsafe florin_arena_create() else { throw ContractError(.tooLarge) }
        unsafe self.handle = handle
    }

    deinit {
        unsafe florin_arena_destroy(handle)
    }

    /// The arena as protobuf-c's allocator; valid as long as the arena.
    @unsafe var allocator: UnsafeMutablePointer<ProtobufCAllocator> {
        unsafe florin_arena_allocator(handle)
    }

    /// Memory for `count` values, not initialized.
    @unsafe borrowing func allocate<T>(_ type: T.Type, count: Int = 1) throws(ContractError) -> UnsafeMutablePointer<T>
    {
        guard let memory = unsafe florin_arena_allocate(handle, MemoryLayout<T>.stride * count) else {
            throw ContractError(.tooLarge)
        }
        return unsafe memory.bindMemory(to: type, capacity: count)
    }

    /// The text as a C string.
    @unsafe borrowing func cString(_ text: String) throws(ContractError) -> UnsafeMutablePointer<CChar> {
        var text = text
        let count = text.utf8.count
        let memory = unsafe try allocate(CChar.self, count: count + 1)
        let hasNUL = text.withUTF8 { bytes in
            guard let base = bytes.baseAddress, count > 0 else { return false }
            unsafe memcpy(memory, base, count)
            return unsafe memchr(base, 0, count) != nil
        }
        guard !hasNUL else { throw ContractError(.containsNUL) }
        unsafe memory[count] = 0
        return unsafe memory
    }

    /// The bytes as protobuf-c holds them.
    @unsafe borrowing func binary(_ bytes: ArraySlice<UInt8>) throws(ContractError) -> ProtobufCBinaryData {
        guard !bytes.isEmpty else { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
        let memory = unsafe try allocate(UInt8.self, count: bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            unsafe memory.initialize(from: base, count: source.count)
        }
        return unsafe ProtobufCBinaryData(len: bytes.count, data: memory)
    }
}
