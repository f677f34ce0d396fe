internal import EventLoop
internal import HTTP2

/// One request of HTTP/2 and its response.
// @unchecked Sendable: confined to the loop's thread; other threads come in through `onLoop`.
final class HTTP2Exchange: @unchecked Sendable {
    /// What the exchange is waiting for. Each stage has a deadline, but for a stream whose client keeps up.
    private enum Stage {
        case head
        case body
        /// A free place among the handlers.
        case place
        case handling
        case streaming
        /// The client's taking of the response.
        case flushing
        case closed
    }

    private let connection: HTTP2ServerConnection
    private let stream: HTTP2Stream
    private var stage = Stage.head
    private var head: HTTPRequestHead?
    /// Whether the answer has no content, known also where the head is refused.
    private var isHead = false
    private var body: [UInt8] = []
    private var bodyLimit = 0
    private var heldBytes = 0
    private var account = ExchangeAccount()
    private var hasReceivedEnd = false
    private var isEventStream = false
    private var isHandlerRunning = false
    private var task: Task<Void, Never>?
    private var writer: CheckedContinuation<Void, any Error>?
    private var timer: LoopTimer?

    private var server: HTTPServer { connection.server }
    private var configuration: HTTPServer.Configuration { server.configuration }

    init(stream: HTTP2Stream, connection: HTTP2ServerConnection) {
        self.stream = stream
        self.connection = connection
        timer = connection.server.loop.makeTimer { [weak self] in self?.deadlinePassed() }
        timer?.schedule(after: configuration.headTimeout)
        account.version = .http2
        account.begin(at: connection.server.loop.now)
    }

    /// Whether the request is complete and its handler has not begun.
    var isWaiting: Bool { stage == .place }

    private func enter(_ stage: Stage, for time: Duration?) {
        self.stage = stage
        if let time { timer?.schedule(after: time) } else { timer?.stop() }
    }

    private func onLoop(_ body: @escaping @Sendable (HTTP2Exchange) -> Void) {
        if server.loop.isCurrent { body(self) } else { server.loop.execute { body(self) } }
    }

    private func deadlinePassed() {
        switch stage {
        case .head: connection.giveUp()
        case .body: refuse(HTTPRefusal(.bodyTimeout))
        case .place: refuse(HTTPRefusal(.handlerTimeout))
        case .handling:
            task?.cancel()
            refuse(HTTPRefusal(.handlerTimeout))
        case .streaming, .flushing: reset(.cancel)
        case .closed: break
        }
    }

    private func reset(_ error: HTTP2ErrorCode) { _ = connection.submit { $0.reset(stream, error) } }

    // MARK: The handler

    /// Starts the handler; the connection calls this when no C code of the session is on the stack.
    func start() {
        guard let head else { return }
        let request = HTTPRequest(head: head, body: body, remote: connection.transport.peer)
        body = []
        enter(.handling, for: configuration.handlerTimeout)
        server.handlerDidStart()
        isHandlerRunning = true
        let task = server.loop.spawn { [self] in
            let response = await server.handler(request)
            let isCancelled = Task.isCancelled
            onLoop { $0.take(response, isCancelled: isCancelled) }
        }
        if isHandlerRunning, stage == .handling { self.task = task }
    }

    private func handlerEnded() {
        isHandlerRunning = false
        task = nil
        server.handlerDidEnd()
        connection.handlerEnded()
    }

    /// Takes the handler's response; a stream is produced by a task of its own, as in HTTP/1.1.
    private func take(_ response: HTTPResponse, isCancelled: Bool) {
        guard case .stream(let produce) = response.body else {
            respond(response)
            return handlerEnded()
        }
        guard startStream(response) else { return handlerEnded() }
        let task = server.loop.spawn { [self] in
            // The producer's error is its own affair; the client learns of it by the reset.
            let isComplete: Bool
            do {
                try await produce(HTTPBodyWriter(sink: self, generation: 0))
                isComplete = true
            } catch { isComplete = false }
            onLoop {
                $0.endStream(isComplete: isComplete)
                $0.handlerEnded()
            }
        }
        guard stage == .streaming else { return }
        self.task = task
        if isCancelled || (server.isDraining && isEventStream) { task.cancel() }
    }

    // MARK: The response

    private func respond(_ response: HTTPResponse) {
        guard stage == .handling else { return abandon(response) }
        send(response)
    }

    /// The client has gone, or was refused in the meantime: then that was the answer.
    private func abandon(_ response: HTTPResponse) {
        account.close(response.whenDone, at: server.loop.now, isComplete: false)
    }

    /// Answers in the handler's place; the rest of the content is not wanted any more.
    private func refuse(_ refusal: HTTPRefusal) {
        server.didRefuse()
        send(configuration.refusal(refusal, head, connection.transport.peer))
    }

    private func send(_ response: HTTPResponse) {
        let content = response.content
        let hasNoContent = response.status == 204 || response.status == 304
        let fields = fields(of: response, length: hasNoContent ? nil : content.count)
        stream.stopsPeerWhenEnded = !hasReceivedEnd
        letBodyGo()
        enter(.flushing, for: configuration.writeTimeout + .seconds(max(0, content.count - (1 << 20)) / 65536))
        _ = connection.submit { session in
            if hasNoContent || content.isEmpty || isHead {
                session.respondAndEnd(stream, fields)
            } else {
                stream.body.append(content)
                stream.body.end()
                session.respond(stream, fields)
                account.sentBytes = content.count
            }
        }
        account.close(response.whenDone, at: server.loop.now, isComplete: true)
    }

    private func fields(of response: HTTPResponse, length: Int?) -> [HeaderField] {
        HTTP2ResponseFields.make(
            status: response.status, headers: response.headers, length: length, date: server.dateText())
    }

    /// Sends the head. False when there is nothing to produce: for HEAD, or when the client is gone.
    private func startStream(_ response: HTTPResponse) -> Bool {
        guard stage == .handling, let head else {
            abandon(response)
            return false
        }
        let fields = fields(of: response, length: nil)
        guard head.method != .head else {
            enter(.flushing, for: configuration.writeTimeout)
            _ = connection.submit { $0.respondAndEnd(stream, fields) }
            account.close(response.whenDone, at: server.loop.now, isComplete: true)
            return false
        }
        account.whenDone = response.whenDone
        isEventStream = response.headers["content-type"]?.hasPrefix("text/event-stream") ?? false
        self.head = nil
        letBodyGo()
        enter(.streaming, for: nil)
        _ = connection.submit { $0.respond(stream, fields) }
        return true
    }

    private func push(_ bytes: [UInt8], _ continuation: CheckedContinuation<Void, any Error>) {
        guard stage == .streaming else { return continuation.resume(throwing: HTTPServerError(.disconnected)) }
        guard writer == nil else { return continuation.resume(throwing: HTTPServerError(.concurrentWrite)) }
        guard connection.submit({ $0.send(bytes, on: stream) }) != nil else {
            return continuation.resume(throwing: HTTPServerError(.disconnected))
        }
        account.sentBytes += bytes.count
        guard stream.body.queuedBytes >= HTTP2Stream.highMark else { return continuation.resume() }
        writer = continuation
        timer?.schedule(after: configuration.writeTimeout)
    }

    /// The request's content is of no more use to anybody.
    private func letBodyGo() {
        body = []
        if heldBytes > 0 { server.letGo(heldBytes) }
        heldBytes = 0
    }

    private func release(_ result: Result<Void, any Error>) {
        guard let writer else { return }
        self.writer = nil
        timer?.stop()
        writer.resume(with: result)
    }

    /// The producer is done. An event stream that ends because the server drains is complete as it is.
    private func endStream(isComplete: Bool) {
        let isComplete = isComplete || (isEventStream && server.isDraining)
        account.closeStream(at: server.loop.now, isComplete: isComplete && stage == .streaming)
        guard stage == .streaming else { return }
        guard isComplete else { return reset(.internalError) }
        enter(.flushing, for: configuration.writeTimeout)
        _ = connection.submit { $0.end(stream) }
    }

    // MARK: The end from outside

    /// The server drains: an event stream ends.
    func beginDrain() {
        if stage == .streaming, isEventStream { task?.cancel() }
    }

    func cancelHandler() { task?.cancel() }
}

extension HTTP2Exchange: HTTPBodySink {
    func write(_ bytes: [UInt8], generation: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        onLoop { $0.push(bytes, continuation) }
    }

    func cancelWrite(generation: UInt64) { onLoop { $0.release(.failure(CancellationError())) } }
}

extension HTTP2Exchange: HTTP2StreamHandler {
    func streamReceived(_ block: HeaderBlock) {
        // A second block is trailers, for which nothing here has a use.
        guard stage == .head else { return block.isEndOfStream ? streamReceivedEnd() : () }
        if block.isEndOfStream { hasReceivedEnd = true }
        isHead = block.fields.first(":method") == HTTPMethod.head.rawValue
        switch HTTP2RequestHead.read(block, limits: configuration.limits) {
        case .failure(let refusal): refuse(refusal)
        case .success(let head): begin(head)
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        self.head = head
        bodyLimit = configuration.bodyLimit(head)
        if case .length(let length) = head.framing {
            guard length <= bodyLimit else { return refuse(HTTPRefusal(.bodyTooLarge)) }
            body.reserveCapacity(min(length, 64 << 10))
        }
        enter(.body, for: configuration.bodyTimeout)
        if hasReceivedEnd { return streamReceivedEnd() }
        if head.expectsContinue { _ = connection.submit { $0.inform(stream, [HeaderField(":status", "100")]) } }
    }

    func streamReceived(_ bytes: RawSpan) {
        _ = connection.submit { $0.consume(bytes.byteCount, of: stream) }
        guard stage == .body else { return }
        guard bytes.byteCount <= bodyLimit - body.count else { return refuse(HTTPRefusal(.bodyTooLarge)) }
        unsafe bytes.withUnsafeBytes { unsafe body.append(contentsOf: $0) }
        heldBytes += bytes.byteCount
        account.receivedBytes += bytes.byteCount
        if !server.hold(bytes.byteCount) { refuse(HTTPRefusal(.tooManyBodies)) }
    }

    func streamReceivedEnd() {
        hasReceivedEnd = true
        guard stage == .body else { return }
        enter(.place, for: configuration.handlerTimeout)
        connection.isReady(self)
    }

    func streamDrained() { release(.success(())) }

    func streamLost(wasSent: Bool) { streamClosed(.cancel, wasSent: wasSent) }

    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool) {
        stage = .closed
        timer?.cancel()
        task?.cancel()
        release(.failure(HTTPServerError(.disconnected)))
        letBodyGo()
        stream.handler = nil
        connection.closed(self)
    }
}
