internal import CPQ
internal import Observability

/// The owner of one `PGconn` in non-blocking mode. Not thread-safe, like the C object; its user confines it.
@safe final class ConnectionHandle {
    private let connection: OpaquePointer
    private let notices: NoticeSink
    /// Format codes for `PQsendQueryPrepared`: 1, binary, for every parameter.
    private var formats: [Int32] = []

    /// What the next step of connecting waits for.
    enum Polling { case readable, writable, done, failed }

    /// Begins to connect. `parameters` are libpq's connection keywords (PostgreSQL 15, 34.1.2).
    init(connecting parameters: [(keyword: String, value: String)], logger: Logger) throws(PostgresError) {
        let started = unsafe Self.withCStrings(parameters.map(\.keyword)) { keywords in
            unsafe Self.withCStrings(parameters.map(\.value)) { values in
                unsafe PQconnectStartParams(keywords, values, 0)
            }
        }
        guard let started = unsafe started else { throw PostgresError(.connectionFailed, "out of memory") }
        unsafe connection = started
        notices = NoticeSink(logger: logger)
        // The sink is a property of this owner, so it outlives the C object that knows its address.
        _ = unsafe PQsetNoticeReceiver(
            connection,
            { sink, result in
                guard let sink = unsafe sink, let result = unsafe result else { return }
                unsafe Unmanaged<NoticeSink>.fromOpaque(sink).takeUnretainedValue().receive(result)
            }, Unmanaged.passUnretained(notices).toOpaque())
    }

    deinit { unsafe PQfinish(connection) }

    // MARK: Connecting

    /// C rule: the socket may change between two calls of `poll`; read it again after each.
    var socket: Int32 { unsafe PQsocket(connection) }

    var isBad: Bool { unsafe PQstatus(connection) == CONNECTION_BAD }

    func poll() -> Polling {
        switch unsafe PQconnectPoll(connection) {
        case PGRES_POLLING_OK: .done
        case PGRES_POLLING_READING: .readable
        case PGRES_POLLING_WRITING: .writable
        default: .failed
        }
    }

    func becomeNonblockingPipeline() -> Bool {
        unsafe PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1
    }

    /// libpq's own words for the last failure; they may name host, user and database.
    var errorMessage: String { unsafe String(cString: PQerrorMessage(connection)) }

    func makeCancelHandle() -> CancelHandle? {
        unsafe PQgetCancel(connection).map { unsafe CancelHandle(owning: $0) }
    }

    // MARK: Sending

    /// libpq copies text and values into its own buffer before it returns, here and in `sendExecute`.
    func sendPrepare(name: String, sql: String, types: [UInt32]) -> Bool {
        unsafe PQsendPrepare(connection, name, sql, Int32(types.count), types) == 1
    }

    /// Executes a prepared statement.
    func sendExecute(name: String, _ bindings: PostgresBindings) -> Bool {
        unsafe withPointers(to: bindings) { values in
            unsafe PQsendQueryPrepared(
                connection, name, Int32(bindings.count), values, bindings.lengths, formats, 1) == 1
        }
    }

    /// Parses and executes without leaving a prepared statement behind.
    func sendUnnamed(sql: String, _ bindings: PostgresBindings) -> Bool {
        unsafe withPointers(to: bindings) { values in
            unsafe PQsendQueryParams(
                connection, sql, Int32(bindings.count), bindings.types, values, bindings.lengths, formats, 1) == 1
        }
    }

    /// Ends a batch: the server commits what is not in an explicit transaction, or rolls back, and answers.
    func sendSync() -> Bool { unsafe PQpipelineSync(connection) == 1 }

    /// The simple protocol, for scripts of many statements. Only outside pipeline mode.
    func sendScript(_ sql: String) -> Bool { unsafe PQsendQuery(connection, sql) == 1 }

    func leavePipelineMode() -> Bool { unsafe PQexitPipelineMode(connection) == 1 }
    func enterPipelineMode() -> Bool { unsafe PQenterPipelineMode(connection) == 1 }

    /// Whether everything is written; nil when the connection is broken.
    func flush() -> Bool? {
        switch unsafe PQflush(connection) {
        case 0: true
        case 1: false
        default: nil
        }
    }

    // MARK: Receiving

    /// Reads what the socket has. False when the connection is broken.
    func consumeInput() -> Bool { unsafe PQconsumeInput(connection) == 1 }

    /// Whether `nextResult` would block.
    var isBusy: Bool { unsafe PQisBusy(connection) == 1 }

    /// The next result; nil marks the end of one command's results.
    func nextResult() -> ResultHandle? {
        unsafe PQgetResult(connection).map { unsafe ResultHandle(owning: $0) }
    }

    /// Whether the server is outside any transaction. Only meaningful while nothing is on its way.
    var isOutsideTransaction: Bool { unsafe PQtransactionStatus(connection) == PQTRANS_IDLE }

    // MARK: Memory

    private func withPointers(
        to bindings: PostgresBindings, _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Bool
    ) -> Bool {
        while formats.count < bindings.count { formats.append(1) }
        return unsafe bindings.bytes.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: bindings.count) { values in
                var offset = PostgresBindings.firstValueOffset
                for (index, length) in bindings.lengths.enumerated() {
                    // C rule: a null pointer is SQL NULL.
                    let value = unsafe length < 0 ? nil : bytes.baseAddress?.advanced(by: offset)
                    unsafe values.initializeElement(at: index, to: value?.assumingMemoryBound(to: CChar.self))
                    offset += Int(max(0, length))
                }
                return unsafe body(values.baseAddress.map { unsafe UnsafePointer($0) })
            }
        }
    }

    /// Calls `body` with a NULL-terminated array of C strings.
    private static func withCStrings<T>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> T
    ) -> T {
        var bytes: [CChar] = []
        var offsets: [Int] = []
        for string in strings {
            offsets.append(bytes.count)
            bytes.append(contentsOf: string.utf8.lazy.map { CChar(bitPattern: $0) })
            bytes.append(0)
        }
        bytes.append(0)
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            var pointers = unsafe offsets.map { offset in unsafe buffer.baseAddress?.advanced(by: offset) }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { list in
                guard let base = list.baseAddress else { preconditionFailure("the list has its terminator") }
                return unsafe body(base)
            }
        }
    }
}

/// Logs notices without their text, which a function of ours may have filled with data.
private final class NoticeSink {
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// C rule: the result belongs to libpq, which clears it after the call.
    func receive(_ result: OpaquePointer) {
        guard logger.isEnabled(.debug) else { return }
        let field = { (code: Character) in
            unsafe PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { unsafe String(cString: $0) } ?? ""
        }
        logger.debug("server notice", [.sqlState: .string(field("C")), .reason: .string(field("V"))])
    }
}
