internal import EventLoop

extension HTTPConnection {
    /// Content up to this size is copied behind the head, to go out in one write.
    private static let smallContent = 16 << 10

    /// Takes the handler's response; a stream is produced by a task of its own, so that the memory of the handler's, which
    /// may have called deeply, is not kept for as long as the stream lasts.
    func take(_ response: HTTPResponse, generation: UInt64, isCancelled: Bool) {
        guard case .stream(let produce) = response.body else {
            respond(response, generation: generation, isCancelled: isCancelled)
            return server.handlerDidEnd()
        }
        guard startStream(response, generation: generation) else { return server.handlerDidEnd() }
        let task = server.loop.spawn { [self] in
            // The producer's error is its own affair; the client learns of it by the missing end.
            let isComplete: Bool
            do {
                try await produce(HTTPBodyWriter(sink: self, generation: generation))
                isComplete = true
            } catch { isComplete = false }
            onLoop {
                $0.endStream(generation: generation, isComplete: isComplete)
                $0.server.handlerDidEnd()
            }
        }
        guard generation == self.generation, stage == .streaming else { return }
        self.task = task
        if isCancelled || (server.isDraining && isEventStream) { task.cancel() }
    }

    /// Answers the present request with a response that is complete.
    private func respond(_ response: HTTPResponse, generation: UInt64, isCancelled: Bool) {
        guard generation == self.generation, stage == .handling, let head else { return abandon(response) }
        let content = response.content
        let hasNoContent = response.status == 204 || response.status == 304
        write(response, length: hasNoContent ? .none : .bytes(content.count), to: head)
        if !hasNoContent, head.method != .head, !content.isEmpty {
            append(content)
            account.sentBytes = content.count
        }
        // A client that has ended its side, and for whose sake the handler was cancelled, has most likely gone.
        let isComplete = !(isCancelled && hasReachedEOF)
        account.close(response.whenDone, at: server.loop.now, isComplete: isComplete)
        completeExchange()
    }

    /// The client has gone, or was refused in the meantime: then that was the answer.
    private func abandon(_ response: HTTPResponse) {
        account.close(response.whenDone, at: server.loop.now, isComplete: false)
    }

    private func write(_ response: HTTPResponse, length: ResponseEncoder.Framing.Length, to head: HTTPRequestHead) {
        let endsConnection = !head.keepsAlive || server.isLeaving || response.asksToClose
        if endsConnection { closesAfterResponse = true }
        ResponseEncoder.writeHead(
            status: response.status, headers: response.headers,
            framing: .init(length: length, closes: closesAfterResponse, version: head.version), date: server.dateLine(),
            to: &output)
    }

    private func append(_ content: [UInt8]) {
        if content.count <= Self.smallContent {
            output.append(contentsOf: content)
        } else {
            flush()
            transport.write(content)
        }
    }

    /// The present request is answered: on to the next, to the flush, or to the end.
    private func completeExchange() {
        letBodyGo()
        head = nil
        account = ExchangeAccount()
        task = nil
        isEventStream = false
        if closesAfterResponse { return finish() }
        if output.count >= TCPConnection.lowMark { flush() }
        if transport.queuedBytes > 0 {
            enter(.flushing, for: writeTime)
        } else {
            planFlush()
            resumeReading()
        }
    }

    /// A slow client gets longer for a large response, at a rate of 64 KiB a second.
    private var writeTime: Duration {
        configuration.writeTimeout + .seconds(max(0, transport.queuedBytes - (1 << 20)) / 65536)
    }

    func planFlush() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        server.flushLater(self)
    }

    /// Hands the output to the system. When it does not take all of it, no further request is looked at until it has.
    func flush() {
        isFlushPlanned = false
        guard !output.isEmpty, stage != .closed else { return }
        transport.write(output)
        let keepsMemory = stage != .streaming && output.count <= TCPConnection.lowMark
        output.removeAll(keepingCapacity: keepsMemory)
        if stage == .idle, transport.queuedBytes > 0 { enter(.flushing, for: writeTime) }
    }

    /// Ends the connection after what has been answered.
    func finish() {
        flush()
        enter(.closing, for: nil)
        waiting = []
        transport.closeAfterFlush(timeout: writeTime, linger: configuration.lingerTimeout)
    }

    /// Answers what the parser does not accept, or what takes too long, and ends the connection.
    func refuse(_ refusal: HTTPRefusal) {
        server.didRefuse()
        let response = configuration.refusal(refusal, head, transport.peer)
        let content = response.content
        ResponseEncoder.writeHead(
            status: response.status, headers: response.headers,
            framing: .init(length: .bytes(content.count), closes: true, version: .http11), date: server.dateLine(),
            to: &output)
        if (head?.method ?? parser.method) != .head {
            output.append(contentsOf: content)
            account.sentBytes = content.count
        }
        account.close(response.whenDone, at: server.loop.now, isComplete: true)
        finish()
    }
}

// MARK: - Streaming

extension HTTPConnection {
    /// Writes the head. False when there is nothing to produce: for HEAD, or when the client is gone.
    private func startStream(_ response: HTTPResponse, generation: UInt64) -> Bool {
        guard generation == self.generation, stage == .handling, let head else {
            abandon(response)
            return false
        }
        isChunked = head.version == .http11
        let isOfEvents = response.headers["content-type"]?.hasPrefix("text/event-stream") ?? false
        // An event stream also ends because we stop, and then with its connection: who was not told by the head could have
        // sent another request by then.
        if !isChunked || (isOfEvents && head.method != .head) { closesAfterResponse = true }
        write(response, length: isChunked ? .chunked : .untilClose, to: head)
        guard head.method != .head else {
            account.close(response.whenDone, at: server.loop.now, isComplete: true)
            completeExchange()
            return false
        }
        account.whenDone = response.whenDone
        isEventStream = isOfEvents
        // A stream may last for hours, and nothing asks for the head again.
        self.head = nil
        letBodyGo()
        enter(.streaming, for: nil)
        planFlush()
        return true
    }

    /// Sends a piece of the stream; the continuation resumes when there is room again.
    private func push(_ bytes: [UInt8], generation: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        guard generation == self.generation, stage == .streaming else {
            return continuation.resume(throwing: HTTPServerError(.disconnected))
        }
        guard writer == nil else { return continuation.resume(throwing: HTTPServerError(.concurrentWrite)) }
        if !bytes.isEmpty { write(chunk: bytes) }
        guard output.count + transport.queuedBytes >= configuration.streamBuffer else { return continuation.resume() }
        flush()
        writer = continuation
        guard transport.queuedBytes < configuration.streamBuffer else { return setDeadline(after: writeTime) }
        // The client keeps up, or the connection has failed, of which the loop tells later: it has a turn before more is made.
        server.loop.schedule(after: .zero) { [self] in
            if generation == self.generation { resumeWriter() }
        }
    }

    private func write(chunk bytes: [UInt8]) {
        if isChunked {
            output.append(contentsOf: String(bytes.count, radix: 16).utf8)
            output.append(contentsOf: ResponseEncoder.lineEnd)
        }
        append(bytes)
        account.sentBytes += bytes.count
        if isChunked { output.append(contentsOf: ResponseEncoder.lineEnd) }
        planFlush()
    }

    /// The producer is done. An event stream that ends because the server drains is complete as it is.
    private func endStream(generation: UInt64, isComplete: Bool) {
        let isComplete = isComplete || (isEventStream && server.isDraining && !hasReachedEOF)
        account.closeStream(at: server.loop.now, isComplete: isComplete && stage == .streaming)
        guard generation == self.generation, stage == .streaming else { return }
        guard isComplete else { return transport.abort() }
        if isChunked { output.append(contentsOf: ResponseEncoder.lastChunk) }
        if server.isDraining { closesAfterResponse = true }
        completeExchange()
    }

    func resumeWriter() {
        guard let writer else { return }
        self.writer = nil
        deadline = nil
        writer.resume()
    }

    func write(_ bytes: [UInt8], generation: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        onLoop { $0.push(bytes, generation: generation, continuation) }
    }

    func cancelWrite(generation: UInt64) {
        onLoop { if generation == $0.generation { $0.failWriter(CancellationError()) } }
    }

    func failWriter(_ error: any Error) {
        guard let writer else { return }
        self.writer = nil
        deadline = nil
        writer.resume(throwing: error)
    }
}
