internal import EventLoop
internal import HTTP2

/// One call at the server: from the request's headers to the trailers.
// @unchecked Sendable: confined to the loop; `waitForRoom` alone may be entered from elsewhere, and hops.
final class ServerCall: @unchecked Sendable {
    /// Where the call is.
    private enum Phase {
        /// The request is not complete.
        case receiving
        /// The handler runs, or is about to.
        case running
        /// The handler's answer is decided; what is queued may still be on its way.
        case finished
    }

    /// What became of a message.
    enum Enqueued { case accepted, full, over }

    static let over = GRPCStatus(.cancelled, "the call is over")

    let loop: EventLoop
    private let connection: ServerConnection
    private let stream: HTTP2Stream
    private var phase = Phase.receiving
    private var deframer: MessageDeframer
    private var request: [UInt8]?
    private var handler: GRPCHandler?
    private var context: ServerContext?
    private var origin: CallOrigin?
    private let reply = ReplyMetadata()
    private var task: Task<Void, Never>?
    private var isHandlerRunning = false
    private var timer: LoopTimer?
    private var hasReceivedEnd = false
    private var hasSentHeaders = false
    private var isStreamClosed = false
    private var waiters: [CheckedContinuation<Bool, Never>] = []
    private let startedAt: Duration

    init(stream: HTTP2Stream, connection: ServerConnection) {
        self.stream = stream
        self.connection = connection
        loop = connection.loop
        startedAt = loop.now
        deframer = MessageDeframer(maximumMessageBytes: connection.configuration.maximumMessageBytes)
    }

    /// True once nothing more can come of the call.
    var isFinished: Bool { phase == .finished }

    /// Bytes of the request that are held until it is complete.
    private(set) var heldBytes = 0

    private func accept(_ head: RequestHead) {
        guard let (method, handler) = connection.lookUp(head.path) else {
            return finish(GRPCStatus(.unimplemented, "there is no method \(head.path)"))
        }
        self.handler = handler
        origin = CallOrigin(head.metadata)
        let deadline = head.timeout.map { startedAt + $0 }
        if let deadline, deadline <= loop.now { return finish(GRPCStatus(.deadlineExceeded, "deadline exceeded")) }
        context = ServerContext(
            method: method, metadata: head.metadata, deadline: deadline, peer: connection.peer, loop: loop, reply: reply
        )
        armTimer(deadline, receiveBy: startedAt + connection.configuration.requestTimeout)
    }

    private func armTimer(_ deadline: Duration?, receiveBy limit: Duration) {
        let end = min(deadline ?? limit, limit)
        timer = loop.makeTimer { [weak self] in self?.timerFired() }
        timer?.schedule(after: end - loop.now)
    }

    private func timerFired() {
        let isOverdue = context?.deadline.map { loop.now >= $0 } ?? false
        switch phase {
        case .receiving, .running:
            cut(GRPCStatus(.deadlineExceeded, isOverdue ? "deadline exceeded" : "the server's time limit has passed"))
        case .finished: dropStream(.cancel)
        }
    }

    // MARK: The handler

    /// Starts the handler; the connection calls this when no C code of the session is on the stack.
    func start() {
        guard phase == .receiving, let request, let handler, let context, let origin else { return }
        phase = .running
        self.request = nil
        armForRunning(handler)
        isHandlerRunning = true
        connection.handlerStarted(self)
        let task = loop.spawn { [self] in
            await run(handler, request, context, origin)
        }
        if isHandlerRunning { self.task = task }
    }

    /// A unary handler has a limit of the server's own beside the caller's deadline; a stream may go on.
    private func armForRunning(_ handler: GRPCHandler) {
        var end = context?.deadline
        if case .unary = handler {
            let limit = loop.now + connection.configuration.maximumUnaryDuration
            end = min(end ?? limit, limit)
        }
        if let end { timer?.schedule(after: end - loop.now) } else { timer?.stop() }
    }

    private func run(
        _ handler: GRPCHandler, _ request: [UInt8], _ context: ServerContext, _ origin: CallOrigin
    ) async {
        let outcome: Result<[UInt8]?, any Error> = await origin.bound {
            do {
                switch handler {
                case .unary(let body): return .success(try await body(request, context))
                case .serverStreaming(let body):
                    try await body(request, context, GRPCResponseWriter(call: self))
                    return .success(nil)
                }
            } catch {
                return .failure(error)
            }
        }
        // The handler's body may have ended on another executor than it began on.
        if loop.isCurrent { ended(outcome) } else { loop.execute { [self] in ended(outcome) } }
    }

    private func ended(_ outcome: Result<[UInt8]?, any Error>) {
        isHandlerRunning = false
        task = nil
        connection.handlerEnded(self)
        guard phase == .running else { return }
        switch outcome {
        case .success(let message):
            if let message { stream.body.append(MessageFraming.frame(message)) }
            finish(GRPCStatus(.ok))
        case .failure(let status as GRPCStatus): finish(status)
        case .failure(is CancellationError): finish(GRPCStatus(.cancelled))
        case .failure(let error):
            origin?.bound { connection.handlerFailed(context?.method, error) }
            finish(GRPCStatus(.internalError))
        }
    }

    // MARK: The answer

    /// Queues one message of a streaming response.
    func enqueue(_ message: [UInt8]) -> Enqueued {
        guard phase == .running, !isStreamClosed else { return .over }
        sendHeadersIfNeeded()
        guard phase == .running else { return .over }
        _ = connection.http.submit { $0.send(MessageFraming.frame(message), on: stream) }
        return stream.body.queuedBytes < HTTP2Stream.highMark ? .accepted : .full
    }

    /// Waits until the stream has room again, having queued `message` first; false when the call is over.
    func waitForRoom(sending message: [UInt8]?) async -> Bool {
        let cancellation = CancellationFlag()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if loop.isCurrent {
                    register(continuation, sending: message, cancellation)
                } else {
                    loop.execute { [self] in register(continuation, sending: message, cancellation) }
                }
            }
        } onCancel: {
            cancellation.set()
            loop.execute { [self] in release(false) }
        }
    }

    private func register(
        _ continuation: CheckedContinuation<Bool, Never>, sending message: [UInt8]?, _ cancellation: CancellationFlag
    ) {
        let isRefused = message.map { enqueue($0) == .over } ?? (phase != .running || isStreamClosed)
        let isOver = isRefused || cancellation.isSet
        if isOver || stream.body.queuedBytes < HTTP2Stream.highMark {
            continuation.resume(returning: !isOver)
        } else {
            waiters.append(continuation)
        }
    }

    private func release(_ hasRoom: Bool) {
        let released = waiters
        waiters = []
        for waiter in released { waiter.resume(returning: hasRoom) }
    }

    private func sendHeadersIfNeeded() {
        guard !hasSentHeaders else { return }
        hasSentHeaders = true
        var fields = Self.headers
        let initial = reply.state.withLock { $0.initial }
        if !initial.isEmpty {
            do {
                try MetadataCodec.encode(initial, into: &fields)
            } catch {
                hasSentHeaders = false
                return finish(error)
            }
        }
        _ = connection.http.submit { $0.respond(stream, fields) }
    }

    private static let headers = [HeaderField(":status", "200"), HeaderField("content-type", ContentType.grpc)]

    /// Decides the call: what is queued, then the status.
    private func finish(_ status: GRPCStatus) {
        guard phase != .finished else { return }
        if status.code == .ok {
            sendHeadersIfNeeded()
            guard phase != .finished else { return }
        }
        phase = .finished
        release(false)
        noteEnd(status.code)
        guard !isStreamClosed else { return }
        stream.stopsPeerWhenEnded = !hasReceivedEnd
        sendStatus(status)
        if context?.deadline == nil { timer?.schedule(after: connection.configuration.maximumUnaryDuration) }
    }

    /// Has the call counted and written down.
    private func noteEnd(_ code: GRPCStatus.Code) {
        let note = { [self] in connection.callFinished(context?.method, code, after: loop.now - startedAt) }
        if let origin { origin.bound(note) } else { note() }
    }

    private func sendStatus(_ status: GRPCStatus) {
        var trailers: [HeaderField] = hasSentHeaders ? [] : Self.headers
        // Tells a caller whose compression was refused what would be taken (grpc/grpc: doc/compression.md).
        if status.code == .unimplemented, !hasSentHeaders {
            trailers.append(HeaderField("grpc-accept-encoding", "identity"))
        }
        StatusCodec.encode(status, trailing: reply.state.withLock { $0.trailing }, into: &trailers)
        _ = connection.http.submit { session in
            if hasSentHeaders {
                session.end(stream, trailers: trailers)
            } else {
                hasSentHeaders = true
                session.respondAndEnd(stream, trailers)
            }
        }
    }

    /// Answers what is not gRPC, in plain HTTP.
    private func refuse(httpStatus: Int) {
        phase = .finished
        hasSentHeaders = true
        stream.stopsPeerWhenEnded = true
        _ = connection.http.submit { $0.respondAndEnd(stream, [HeaderField(":status", String(httpStatus))]) }
    }

    // MARK: The end from outside

    /// Ends the call now: the handler is cancelled, the status sent unless the caller does not even read the messages.
    func cut(_ status: GRPCStatus) {
        task?.cancel()
        guard phase != .finished else { return }
        let isBlocked = hasSentHeaders && stream.body.queuedBytes > 0
        finish(status)
        if isBlocked { dropStream(.cancel) }
    }

    private func dropStream(_ error: HTTP2ErrorCode) {
        guard !isStreamClosed else { return }
        _ = connection.http.submit { $0.reset(stream, error) }
    }

    /// Cancels the handler and forgets about its answer.
    func cancelHandler() { task?.cancel() }
}

extension ServerCall: HTTP2StreamHandler {
    func streamReceived(_ block: HeaderBlock) {
        guard phase == .receiving, context == nil else {
            if block.isEndOfStream { streamReceivedEnd() }
            return
        }
        do {
            accept(try RequestHead(block))
        } catch {
            switch error {
            case .http(let status): refuse(httpStatus: status)
            case .status(let status): finish(status)
            }
        }
        if block.isEndOfStream { streamReceivedEnd() }
    }

    func streamReceived(_ bytes: RawSpan) {
        _ = connection.http.submit { $0.consume(bytes.byteCount, of: stream) }
        guard phase == .receiving else { return }
        do {
            var isSecond = false
            try deframer.append(bytes) { message in
                isSecond = isSecond || request != nil
                request = message
            }
            if isSecond { finish(GRPCStatus(.internalError, "more than one request message")) }
        } catch {
            finish(Self.status(of: error))
        }
        noteHeldBytes()
    }

    private static func status(of failure: MessageDeframer.Failure) -> GRPCStatus {
        switch failure {
        case .compressed: GRPCStatus(.unimplemented, "compression is not supported")
        case .invalidFlag: GRPCStatus(.internalError, "malformed message")
        case .tooLarge(let length, let limit):
            GRPCStatus(.resourceExhausted, "message of \(length) bytes exceeds the limit of \(limit)")
        }
    }

    /// Keeps what all calls of the connection hold under the connection's limit.
    private func noteHeldBytes() {
        let held = phase == .receiving ? deframer.partialBytes + (request?.count ?? 0) : 0
        let isAllowed = connection.holds(held - heldBytes)
        heldBytes = held
        if !isAllowed, phase == .receiving {
            finish(GRPCStatus(.resourceExhausted, "too many bytes of requests are under way"))
            noteHeldBytes()
        }
    }

    func streamReceivedEnd() {
        hasReceivedEnd = true
        guard phase == .receiving else { return }
        if request == nil {
            finish(GRPCStatus(.internalError, "the request has no complete message"))
        } else {
            connection.isReady(self)
        }
    }

    func streamDrained() { release(true) }

    func streamLost(wasSent: Bool) { streamClosed(.cancel, wasSent: wasSent) }

    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool) {
        isStreamClosed = true
        timer?.cancel()
        if phase != .finished {
            phase = .finished
            noteEnd(.cancelled)
        }
        _ = connection.holds(-heldBytes)
        heldBytes = 0
        task?.cancel()
        release(false)
        stream.handler = nil
        connection.callClosed(self)
    }
}
