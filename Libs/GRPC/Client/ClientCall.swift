internal import EventLoop
internal import HTTP2

/// Where a call of a client goes to be carried by a connection.
protocol ClientCallCarrier: AnyObject {
    /// Carries the call now or queues it, or fails it by `finish`.
    func carry(_ call: ClientCall)
    /// Whether a call that a server has refused may be sent once more. That is limited, or a server that refuses all would get many
    /// times as many.
    func maySendAgain(_ call: ClientCall) -> Bool
    /// The call is over.
    func ended(_ call: ClientCall)
}

/// One call of a client, from being queued to its status.
// @unchecked Sendable: confined to the loop, apart from immutable values; `start`, `cancel` and the waiting functions hop.
final class ClientCall: @unchecked Sendable {
    /// Whether the response is one message or many.
    enum Kind { case unary, streaming }

    private enum Phase {
        case created
        case queued
        case active(HTTP2Connection, HTTP2Stream)
        case finished
    }

    typealias Messages = Result<[[UInt8]], GRPCStatus>
    typealias Reply = Result<GRPCReply, GRPCStatus>

    /// How often a call that no server has touched is sent once more.
    private static let maximumAttempts = 8

    let loop: EventLoop
    let method: GRPCMethod
    let metadata: GRPCMetadata
    /// The framed request, in pieces; kept until it can no longer be sent again.
    private var request: [[UInt8]]
    private let kind: Kind
    private let deadline: Duration?
    private let maximumMessageBytes: Int
    private weak var carrier: (any ClientCallCarrier)?
    private var phase = Phase.created
    private var timer: LoopTimer?
    private var attempts = 0
    /// True while no server can have seen the call.
    private var isUnsent = true
    /// The address that the call was last sent to.
    private(set) weak var subchannel: Subchannel?
    /// Whether the call shows its address to answer again, after it was ejected.
    var isProbe = false
    private var deframer: MessageDeframer
    private var messages: [[UInt8]] = []
    private var unconsumed = 0
    private var initialMetadata: GRPCMetadata?
    private var outcome: GRPCStatus?
    private var messageWaiter: CheckedContinuation<Messages, Never>?
    private var replyWaiter: CheckedContinuation<Reply, Never>?
    private var initialWaiters: [CheckedContinuation<Result<GRPCMetadata, GRPCStatus>, Never>] = []

    init(
        _ method: GRPCMethod, request: [[UInt8]], metadata: GRPCMetadata, timeout: Duration?, kind: Kind,
        maximumMessageBytes: Int, carrier: any ClientCallCarrier, loop: EventLoop
    ) {
        self.method = method
        self.request = MessageFraming.frame(pieces: request)
        self.metadata = metadata
        self.kind = kind
        self.maximumMessageBytes = maximumMessageBytes
        self.carrier = carrier
        self.loop = loop
        deadline = timeout.map { loop.now + $0 }
        deframer = MessageDeframer(maximumMessageBytes: maximumMessageBytes)
    }

    /// True once the call has its status.
    var isFinished: Bool { outcome != nil }
    /// How the call ended; nil while it goes on.
    var status: GRPCStatus? { outcome }

    /// Has the status say that its address is spared.
    func noteEjection() { outcome?.isAddressEjected = true }

    // MARK: From anywhere

    /// Sends the call on its way.
    func start() {
        guard loop.isCurrent else { return loop.execute { [self] in start() } }
        guard case .created = phase else { return }
        guard let carrier else { return finish(GRPCStatus(.unavailable, "the channel is shut down")) }
        if let deadline {
            let remaining = deadline - loop.now
            guard remaining > .zero else { return finish(Self.deadlineExceeded) }
            timer = loop.schedule(after: remaining) { [weak self] in self?.cancel(Self.deadlineExceeded) }
        }
        phase = .queued
        carrier.carry(self)
    }

    /// Ends the call with `cancelled`; the server is told.
    func cancel() {
        loop.execute { [self] in cancel(GRPCStatus(.cancelled, "the call was cancelled", origin: .caller)) }
    }

    static let deadlineExceeded = GRPCStatus(.deadlineExceeded, "deadline exceeded", origin: .caller)

    /// Starts a unary call and waits for its end.
    func reply() async -> Reply {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if loop.isCurrent {
                    startUnary(continuation)
                } else {
                    loop.execute { [self] in startUnary(continuation) }
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private func startUnary(_ continuation: CheckedContinuation<Reply, Never>) {
        replyWaiter = continuation
        start()
        resumeWaiters()
    }

    /// Waits for the next messages of a streaming call and takes all that are there, so that a reader on another thread
    /// changes threads once for many; none after the last. One caller at a time.
    func nextMessages() async -> Messages {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if loop.isCurrent {
                    awaitMessage(continuation)
                } else {
                    loop.execute { [self] in awaitMessage(continuation) }
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private func awaitMessage(_ continuation: CheckedContinuation<Messages, Never>) {
        guard messageWaiter == nil else {
            return continuation.resume(returning: .failure(GRPCStatus(.internalError, "a stream has one reader")))
        }
        messageWaiter = continuation
        resumeWaiters()
    }

    /// Waits for the metadata that comes before the first message.
    func awaitInitialMetadata() async -> Result<GRPCMetadata, GRPCStatus> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.execute { [self] in
                    initialWaiters.append(continuation)
                    resumeWaiters()
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// The metadata beside the status; nil until the call is over.
    func trailingMetadata() async -> GRPCMetadata? {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in continuation.resume(returning: outcome?.metadata) }
        }
    }

    // MARK: On the loop

    /// Sends the request on a connection; false when it takes no more streams.
    func send(
        on connection: HTTP2Connection, of subchannel: Subchannel, authority: String, userAgent: String
    ) -> Bool {
        guard case .queued = phase else { return true }
        let fields: [HeaderField]
        do {
            fields = try headers(authority: authority, userAgent: userAgent)
        } catch {
            finish(error)
            return true
        }
        let stream = connection.submit { $0.request(fields, pieces: request, handler: self) }
        guard let stream, let stream else { return false }
        attempts += 1
        isUnsent = false
        self.subchannel = subchannel
        phase = .active(connection, stream)
        return true
    }

    private func headers(authority: String, userAgent: String) throws(GRPCStatus) -> [HeaderField] {
        var fields = [
            HeaderField(":method", "POST"), HeaderField(":scheme", "http"), HeaderField(":path", method.path),
            HeaderField(":authority", authority), HeaderField("te", "trailers"),
            HeaderField("content-type", ContentType.grpc), HeaderField("user-agent", userAgent),
        ]
        if let deadline { fields.append(HeaderField("grpc-timeout", GRPCTimeout.format(deadline - loop.now))) }
        try MetadataCodec.encode(metadata, into: &fields)
        return fields
    }

    /// Ends the call for a reason of our side's; messages that were not taken are dropped.
    func cancel(_ status: GRPCStatus) {
        guard outcome == nil else { return }
        messages = []
        finish(status)
    }

    /// Ends the call. Messages that came before the status are still delivered.
    func finish(_ status: GRPCStatus) {
        guard outcome == nil else { return }
        var status = status
        if isUnsent { status.origin = .unsent }
        outcome = status
        timer?.cancel()
        timer = nil
        if case .active(let connection, let stream) = phase, stream.handler != nil {
            stream.handler = nil
            _ = connection.submit { $0.reset(stream, .cancel) }
        }
        phase = .finished
        carrier?.ended(self)
        resumeWaiters()
    }

    private func resumeWaiters() {
        resumeInitialWaiters()
        if let waiter = messageWaiter {
            if !messages.isEmpty {
                messageWaiter = nil
                waiter.resume(returning: .success(messages))
                messages = []
            } else if let outcome {
                messageWaiter = nil
                waiter.resume(returning: outcome.code == .ok ? .success([]) : .failure(outcome))
            }
        }
        giveCredit()
        if let waiter = replyWaiter, let outcome {
            replyWaiter = nil
            waiter.resume(returning: reply(outcome))
        }
    }

    private func resumeInitialWaiters() {
        guard !initialWaiters.isEmpty, initialMetadata != nil || outcome != nil else { return }
        let waiters = initialWaiters
        initialWaiters = []
        let result: Result<GRPCMetadata, GRPCStatus> =
            if let initialMetadata {
                .success(initialMetadata)
            } else if let outcome, outcome.code != .ok {
                .failure(outcome)
            } else {
                .success(GRPCMetadata())
            }
        for waiter in waiters { waiter.resume(returning: result) }
    }

    private func reply(_ outcome: GRPCStatus) -> Reply {
        guard outcome.code == .ok else { return .failure(outcome) }
        guard let message = messages.first else {
            return .failure(GRPCStatus(.internalError, "the response has no message"))
        }
        return .success(
            GRPCReply(
                message: message, initialMetadata: initialMetadata ?? GRPCMetadata(), trailingMetadata: outcome.metadata
            ))
    }

    /// Lets the server send on while the reader has nothing left to take; an incomplete message is always let in, since
    /// its length was checked.
    private func giveCredit() {
        guard unconsumed > 0, messages.isEmpty || kind == .unary, case .active(let connection, let stream) = phase
        else {
            return
        }
        let count = unconsumed
        unconsumed = 0
        _ = connection.submit { $0.consume(count, of: stream) }
    }
}

extension ClientCall: HTTP2StreamHandler {
    func streamReceived(_ block: HeaderBlock) {
        switch ResponseHead(block, isFirst: initialMetadata == nil) {
        case .initial(let metadata):
            initialMetadata = metadata
            resumeWaiters()
        case .end(let status): end(status, resetting: !block.isEndOfStream)
        }
    }

    /// The server's own word on how the call ended.
    private func end(_ status: GRPCStatus, resetting: Bool) {
        if !resetting, case .active(_, let stream) = phase { stream.handler = nil }
        finish(deframer.partialBytes == 0 || status.code != .ok ? status : Self.truncated)
    }

    private static let truncated = GRPCStatus(.internalError, "the response ends within a message")

    func streamReceived(_ bytes: RawSpan) {
        unconsumed += bytes.byteCount
        guard initialMetadata != nil else {
            return finish(GRPCStatus(.internalError, "a message came before the headers"))
        }
        do {
            try deframer.append(bytes) { messages.append($0) }
        } catch {
            return finish(Self.status(of: error))
        }
        if kind == .unary, messages.count > 1 {
            return finish(GRPCStatus(.internalError, "more than one response message"))
        }
        resumeWaiters()
    }

    private static func status(of failure: MessageDeframer.Failure) -> GRPCStatus {
        switch failure {
        case .compressed: GRPCStatus(.internalError, "the response is compressed, which was not offered")
        case .invalidFlag: GRPCStatus(.internalError, "malformed message")
        case .tooLarge(let length, let limit):
            GRPCStatus(.resourceExhausted, "message of \(length) bytes exceeds the limit of \(limit)")
        }
    }

    func streamReceivedEnd() {
        end(GRPCStatus(.internalError, "the response ended without a status"), resetting: false)
    }

    func streamDrained() {}

    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool) {
        let isRefused = error == .refusedStream
        guard prepareAnotherAttempt(isUntouched: isRefused || !wasSent, wasRefused: isRefused && wasSent) else {
            let code = StatusMapping.code(reset: error)
            if code == .cancelled, let deadline, loop.now >= deadline { return finish(Self.deadlineExceeded) }
            return finish(GRPCStatus(code, "the stream was reset with HTTP/2 error \(error.rawValue)"))
        }
        tryAgain()
    }

    /// At once the first time, since another connection may take the call; after that with pauses of 5 ms and doubling,
    /// since a server may count a stream as open for a moment longer than its client does.
    private func tryAgain() {
        guard attempts > 1 else {
            carrier?.carry(self)
            return
        }
        loop.schedule(after: .milliseconds(5 << (attempts - 2))) { [weak self] in
            guard let self, !isFinished else { return }
            guard let carrier else { return finish(GRPCStatus(.unavailable, "the channel is shut down")) }
            carrier.carry(self)
        }
    }

    func streamLost(wasSent: Bool) {
        guard prepareAnotherAttempt(isUntouched: !wasSent) else {
            return finish(GRPCStatus(.unavailable, "the connection was lost", origin: .connectionLost))
        }
        tryAgain()
    }

    /// Makes ready to be sent again a call that no handler has seen (grpc/proposal: A6, "Transparent Retries").
    private func prepareAnotherAttempt(isUntouched: Bool, wasRefused: Bool = false) -> Bool {
        if case .active(_, let stream) = phase { stream.handler = nil }
        isUnsent = isUntouched && initialMetadata == nil
        guard isUnsent, attempts < Self.maximumAttempts, let carrier else { return false }
        guard !wasRefused || carrier.maySendAgain(self) else { return false }
        phase = .queued
        deframer = MessageDeframer(maximumMessageBytes: maximumMessageBytes)
        unconsumed = 0
        return true
    }
}
