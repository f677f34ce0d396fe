internal import EventLoop

extension HTTPConnection {
    func enter(_ stage: Stage, for time: Duration?) {
        self.stage = stage
        if let time { setDeadline(after: time) } else { deadline = nil }
    }

    /// A deadline that moves to later, as most do, does not touch the timer: it looks again when it fires.
    func setDeadline(after time: Duration) {
        let deadline = server.loop.now + time
        self.deadline = deadline
        if let timerDeadline, timerDeadline <= deadline { return }
        timerDeadline = deadline
        timer?.schedule(after: time)
    }

    func timerFired() {
        timerDeadline = nil
        guard let deadline else { return }
        let left = deadline - server.loop.now
        guard left <= .zero else {
            timerDeadline = deadline
            timer?.schedule(after: left)
            return
        }
        self.deadline = nil
        deadlinePassed()
    }

    private func deadlinePassed() {
        switch stage {
        case .new, .idle: finish()
        case .head: refuse(HTTPRefusal(.headTimeout))
        case .body: refuse(HTTPRefusal(.bodyTimeout))
        case .handling:
            task?.cancel()
            task = nil
            refuse(HTTPRefusal(.handlerTimeout))
        case .streaming, .flushing: transport.abort()
        case .closing, .closed: break
        }
    }

    /// Cancels the present handler a little after the client's end.
    func cancelSoon() {
        let present = generation
        server.loop.schedule(after: configuration.halfCloseGrace) { [weak self] in
            guard let self, generation == present else { return }
            task?.cancel()
        }
    }
}
