internal import EventLoop

/// One connection of a client: takes requests out of its bytes, runs the handler, writes the responses in order.
// @unchecked Sendable: confined to the loop's thread; other threads come in through `onLoop`.
final class HTTPConnection: ServedConnection, TransportDelegate, HTTPBodySink, @unchecked Sendable {
    let server: HTTPServer
    let transport: any Transport
    var parser: HTTPRequestParser
    var stage = Stage.new
    private var mayBeHTTP2: Bool
    /// Input that came while it could not be looked at.
    var waiting: [UInt8] = []
    /// What has been answered and not yet handed to the system.
    var output: [UInt8] = []
    var isFlushPlanned = false
    var isProcessing = false
    private var isTurnPlanned = false
    var hasReachedEOF = false
    var closesAfterResponse = false

    /// The present request.
    var head: HTTPRequestHead?
    var body: [UInt8] = []
    private var heldBytes = 0
    /// What is known of the present request for `HTTPResponse.whenDone`.
    var account = ExchangeAccount()
    var owesContinue = false
    /// Tells the present request from those before, for whoever comes late.
    var generation: UInt64 = 0
    var task: Task<Void, Never>?
    var writer: CheckedContinuation<Void, any Error>?
    var isEventStream = false
    var isChunked = false

    /// Monotonic; nil while nothing is waited for.
    var deadline: Duration?
    var timerDeadline: Duration?
    var timer: LoopTimer?

    /// What the connection is waiting for. Each stage that waits for someone else has a deadline.
    enum Stage {
        /// The first byte ever.
        case new
        /// The first byte of a further request.
        case idle
        case head
        case body
        case handling
        case streaming
        /// The client's taking of responses.
        case flushing
        /// The client's end.
        case closing
        case closed
    }

    /// `mayBeHTTP2` tells to look for the preface of HTTP/2 in the first bytes.
    init(server: HTTPServer, transport: any Transport, mayBeHTTP2: Bool) {
        self.server = server
        self.mayBeHTTP2 = mayBeHTTP2
        self.transport = transport
        parser = HTTPRequestParser(limits: server.configuration.limits)
        timer = server.loop.makeTimer { [weak self] in self?.timerFired() }
    }

    var configuration: HTTPServer.Configuration { server.configuration }

    func start() {
        transport.delegate = self
        setDeadline(after: configuration.headTimeout)
        transport.startReading()
    }

    /// Runs `body` on the loop, at once when that is where we are.
    func onLoop(_ body: @escaping @Sendable (HTTPConnection) -> Void) {
        if server.loop.isCurrent {
            body(self)
        } else {
            server.loop.execute { body(self) }
        }
    }

    /// Each response says it, none is sent for the purpose.
    func beginLeaving() {}

    /// The server drains: event streams end, idle connections get a last chance, the rest ends with its response.
    func beginDrain() {
        switch stage {
        case .streaming where isEventStream: task?.cancel()
        case .new, .idle: setDeadline(after: configuration.drainIdleGrace)
        default: break
        }
    }

    /// Cancels and closes at once.
    func breakOff() {
        task?.cancel()
        transport.close()
    }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        guard stage != .closing, stage != .closed else { return }
        if mayBeHTTP2 {
            if isPreface(bytes) { return }
            if !waiting.isEmpty { processKept() }
        }
        if isReading, waiting.isEmpty {
            process(bytes)
        } else {
            keep(bytes, from: 0)
        }
    }

    func connectionDidReachEOF(_ connection: any Transport) {
        hasReachedEOF = true
        switch stage {
        case .new, .idle, .head, .body: endIfNothingIsLeft()
        case .handling, .streaming: cancelSoon()
        case .flushing, .closing, .closed: break
        }
    }

    func connectionDidDrain(_ connection: any Transport) {
        switch stage {
        case .streaming: resumeWriter()
        case .flushing where transport.queuedBytes == 0: resumeReading()
        default: break
        }
    }

    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {
        stage = .closed
        timer?.cancel()
        timer = nil
        task?.cancel()
        task = nil
        failWriter(HTTPServerError(.disconnected))
        waiting = []
        output = []
        letBodyGo()
        server.remove(transport)
    }
}

// MARK: - HTTP/2

extension HTTPConnection {
    /// What a connection of HTTP/2 begins with (RFC 9113 section 3.4), so that HTTP/1.1 refuses it.
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Looks at the first bytes; false when they are HTTP/1.1, with what was kept of them in `waiting`.
    private func isPreface(_ bytes: RawSpan) -> Bool {
        let known = waiting.count
        for index in 0..<min(bytes.byteCount, Self.preface.count - known)
        where unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) != Self.preface[known + index] {
            mayBeHTTP2 = false
            return false
        }
        unsafe bytes.withUnsafeBytes { unsafe waiting.append(contentsOf: unsafe $0) }
        guard waiting.count >= Self.preface.count else { return true }
        stage = .closed
        timer?.cancel()
        timer = nil
        server.changeToHTTP2(transport, first: waiting)
        waiting = []
        return true
    }

    /// Parses the beginning of a preface that went on otherwise, then the rest.
    private func processKept() {
        let input = waiting
        waiting = []
        unsafe process(input.span.bytes)
    }
}

// MARK: - Reading

extension HTTPConnection {
    /// Whether input may be parsed now: no handler runs and the client takes what it is sent.
    var isReading: Bool {
        switch stage {
        case .new, .idle, .head, .body: true
        case .handling, .streaming, .flushing, .closing, .closed: false
        }
    }

    /// Requests of a connection that are taken up in a row. A client that sends thousands in one go has the loop for so
    /// many of them, and then others have their turn.
    private static let requestsInARow = 16
    /// Until the next turn of a connection that has used up its own.
    private static let pauseBetweenTurns = Duration.milliseconds(1)

    /// Parses as far as possible, or as its turn goes; the rest is kept.
    private func process(_ bytes: RawSpan) {
        isProcessing = true
        var offset = 0
        var taken = 0
        loop: while isReading, taken < Self.requestsInARow {
            switch parser.next(in: bytes, from: &offset) {
            case .needsInput: break loop
            case .head(let head): begin(head)
            case .body(let range): append(bytes, range)
            case .end:
                taken += 1
                dispatch()
            case .refused(let refusal): refuse(refusal)
            }
        }
        isProcessing = false
        if offset < bytes.byteCount, stage != .closing, stage != .closed { keep(bytes, from: offset) }
        awaitInput()
        if isReading, !waiting.isEmpty { planTurn() }
    }

    /// Goes on with what is kept after the sockets were looked at.
    private func planTurn() {
        guard !isTurnPlanned else { return }
        isTurnPlanned = true
        server.loop.schedule(after: Self.pauseBetweenTurns) { [weak self] in self?.takeTurn() }
    }

    private func takeTurn() {
        isTurnPlanned = false
        if isReading, !waiting.isEmpty { resumeReading() }
    }

    private func begin(_ head: HTTPRequestHead) {
        self.head = head
        account.begin(at: server.loop.now)
        account.version = head.version
        body = []
        parser.bodyLimit = configuration.bodyLimit(head)
        owesContinue = head.expectsContinue
        if case .length(let length) = head.framing, length <= parser.bodyLimit {
            // The announced length is only a promise.
            body.reserveCapacity(min(length, 64 << 10))
        }
    }

    private func append(_ bytes: RawSpan, _ range: Range<Int>) {
        let part = bytes.extracting(range)
        unsafe part.withUnsafeBytes { unsafe body.append(contentsOf: unsafe $0) }
        heldBytes += range.count
        account.receivedBytes += range.count
        if !server.hold(range.count) { refuse(HTTPRefusal(.tooManyBodies)) }
    }

    /// The request's content is of no more use to anybody.
    func letBodyGo() {
        body = []
        if heldBytes > 0 { server.letGo(heldBytes) }
        heldBytes = 0
    }

    private func keep(_ bytes: RawSpan, from offset: Int) {
        let part = bytes.extracting(offset..<bytes.byteCount)
        unsafe part.withUnsafeBytes { unsafe waiting.append(contentsOf: unsafe $0) }
        if waiting.count >= configuration.pipelineBuffer { transport.pauseReading() }
    }

    /// Sets the stage by what the parser has seen, when it has used up its input.
    private func awaitInput() {
        guard isReading else { return }
        if parser.isBetweenRequests {
            if hasReachedEOF { return endIfNothingIsLeft() }
            armIdle()
        } else if parser.isInHead {
            account.begin(at: server.loop.now)
            if stage != .head { enter(.head, for: configuration.headTimeout) }
        } else {
            if stage != .body { enter(.body, for: configuration.bodyTimeout) }
            sendContinue()
        }
        if hasReachedEOF { endIfNothingIsLeft() }
    }

    private func sendContinue() {
        guard owesContinue, body.isEmpty else { return }
        owesContinue = false
        output.append(contentsOf: ResponseEncoder.continueLine)
        planFlush()
    }

    /// Goes on with what has waited, after a response.
    func resumeReading() {
        stage = .idle
        deadline = nil
        guard !isProcessing else { return }
        let input = waiting
        waiting = []
        unsafe process(input.span.bytes)
        if waiting.count < configuration.pipelineBuffer, stage != .closing, stage != .closed {
            transport.resumeReading()
        }
    }

    private func armIdle() {
        guard stage == .idle, deadline == nil else { return }
        setDeadline(after: server.isDraining ? configuration.drainIdleGrace : configuration.idleTimeout)
    }

    /// The client has ended its side: what it sent is answered by now or never will be complete.
    private func endIfNothingIsLeft() {
        guard isReading, waiting.isEmpty else { return }
        finish()
    }

    private func dispatch() {
        guard let head else { return }
        let request = HTTPRequest(head: head, body: body, remote: transport.peer)
        body = []
        stage = .handling
        deadline = nil
        generation += 1
        let present = generation
        server.handlerDidStart()
        let task = server.loop.spawn { [self] in
            let response = await server.handler(request)
            let isCancelled = Task.isCancelled
            onLoop { $0.take(response, generation: present, isCancelled: isCancelled) }
        }
        guard generation == present, stage == .handling else { return }
        self.task = task
        setDeadline(after: configuration.handlerTimeout)
        if hasReachedEOF { cancelSoon() }
    }
}
