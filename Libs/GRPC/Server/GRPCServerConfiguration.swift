package import EventLoop
internal import HTTP2

extension GRPCServer {
    /// How a server treats its callers. Every wait and every amount has a bound.
    package struct Configuration: Sendable {
        /// Where to listen; port 0 takes a free one.
        package var address: SocketAddress
        /// Sockets that were handed to the process; one that listens at the address is used.
        package var inherited = InheritedSockets.none
        /// The most connections at once; more are closed as they come.
        package var maximumConnections = 1024
        /// The most calls at once on a connection; also the most handlers, so that resetting calls gains nothing.
        package var maximumConcurrentStreams = 1000
        /// The longest request message, in bytes.
        package var maximumMessageBytes = 4 * 1024 * 1024
        /// The most bytes of requests that a connection's calls may hold at once.
        package var maximumHeldBytes = 64 * 1024 * 1024
        /// The longest header block of a request, in bytes.
        package var maximumMetadataBytes = 16 * 1024
        /// How long a caller has to send its request, beside its deadline.
        package var requestTimeout = Duration.seconds(30)
        /// How long a unary handler may take, beside the caller's deadline.
        package var maximumUnaryDuration = Duration.seconds(60)
        /// Silence of a connection after which the peer is asked for life.
        package var keepAliveInterval = Duration.seconds(30)
        /// How long it has to answer.
        package var keepAliveTimeout = Duration.seconds(10)
        /// Calls a peer may reset in one go before it is sent away. The peer is a gateway that passes on the departures of all
        /// its clients, and with its connection the calls of all of them would end.
        package var resetBurst = 20_000
        /// Calls a peer may reset each second after that.
        package var resetsPerSecond = 2_000
        /// Told of each call that ended: its method (nil for one that does not exist), how, and after how long. On the loop.
        package var onCallFinished: (@Sendable (GRPCMethod?, GRPCStatus.Code, Duration) -> Void)?

        /// The settings above, listening there.
        package init(address: SocketAddress) { self.address = address }

        var connection: HTTP2ConnectionConfiguration {
            var configuration = HTTP2ConnectionConfiguration()
            configuration.settings.maximumConcurrentStreams = UInt32(clamping: maximumConcurrentStreams)
            configuration.settings.maximumHeaderListBytes = maximumMetadataBytes
            configuration.settings.resetBurst = UInt64(clamping: resetBurst)
            configuration.settings.resetsPerSecond = UInt64(clamping: resetsPerSecond)
            // Resets count there as well.
            configuration.settings.controlBurst += resetBurst
            configuration.settings.controlPerSecond += resetsPerSecond
            configuration.keepAliveInterval = keepAliveInterval
            configuration.keepAliveTimeout = keepAliveTimeout
            return configuration
        }
    }
}
