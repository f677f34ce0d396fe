internal import HTTP2

extension GRPCChannel {
    /// How a channel connects and what it allows. Every wait and every amount has a bound.
    package struct Configuration: Sendable {
        /// The host that requests name; the address itself when nil.
        package var authority: String?
        /// What requests say of who we are.
        package var userAgent = "florin-grpc/1"
        /// The longest response message, in bytes.
        package var maximumMessageBytes = 4 * 1024 * 1024
        /// The longest header block of a response, in bytes.
        package var maximumMetadataBytes = 16 * 1024
        /// The most calls at once, queued ones included; more fail with `resourceExhausted`.
        package var maximumCalls = 10_000
        /// Calls wait for an address to come back, until their deadline, instead of failing at once with `unavailable`.
        package var waitsForReady = false
        /// How long calls wait for an address to come back after the last one has gone, before they fail at once.
        package var absenceGrace = Duration.zero
        /// The same where the last address has said that it takes no more calls: a server that is started anew takes its time,
        /// but one that says goodbye is not broken.
        package var restartGrace = Duration.zero
        /// How long an attempt to connect may take; as long again until the server has sent its settings.
        package var connectTimeout = Duration.seconds(5)
        /// The pauses between attempts.
        package var backoff = Backoff()
        /// When an address is spared because it does not answer.
        package var ejection = Ejection()
        /// Silence of a connection after which the server is asked for life.
        package var keepAliveInterval = Duration.seconds(30)
        /// How long it has to answer.
        package var keepAliveTimeout = Duration.seconds(10)

        /// The settings above.
        package init() {}

        var connection: HTTP2ConnectionConfiguration {
            var configuration = HTTP2ConnectionConfiguration()
            configuration.settings.maximumHeaderListBytes = maximumMetadataBytes
            configuration.keepAliveInterval = keepAliveInterval
            configuration.keepAliveTimeout = keepAliveTimeout
            configuration.handshakeTimeout = connectTimeout
            return configuration
        }
    }

    /// When one of several addresses gets no calls for a while.
    package struct Ejection: Sendable {
        /// The failures in a row that eject an address; one is enough where the last ejection was not followed by an answer.
        package var failures = 5
        /// How long the first ejection lasts; each further one before a good answer as much longer.
        package var base = Duration.seconds(10)
        /// No ejection is longer.
        package var maximum = Duration.seconds(60)

        package init() {}
    }

    /// Whether a call made now would go.
    package enum State: Sendable, Hashable {
        /// Nothing was tried yet.
        case idle
        /// No address is ready, one is being tried.
        case connecting
        /// An address is ready.
        case ready
        /// No address could be reached at the last attempt.
        case transientFailure
        /// Over for good.
        case shutDown
    }
}
