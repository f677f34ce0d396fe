package import EventLoop
package import TLS

extension HTTPServer {
    /// What a server listens on and what it bears.
    package struct Configuration: Sendable {
        /// Where to listen; port 0 lets the system choose.
        package var address = SocketAddress.loopback(port: 0)
        /// Sockets that were handed to the process; one that listens at the address is used.
        package var inherited = InheritedSockets.none
        /// What TLS is spoken with; nil for none. Which of HTTP/2 and HTTP/1.1 follows is then the client's choice by ALPN;
        /// without TLS a connection that begins with the preface of HTTP/2 speaks it.
        package var tls: TLSServerContext?
        /// Bounds on the head of a request.
        package var limits = HTTPLimits()
        /// Bytes of content accepted for a request, decided when its head is known. 1 MiB unless set.
        package var bodyLimit: @Sendable (HTTPRequestHead) -> Int = { _ in 1 << 20 }
        /// The response to what never reaches a handler, or is given up by it, with the head where it could be read, and the
        /// client's address. A connection of HTTP/1.1 closes after it.
        package var refusal: @Sendable (HTTPRefusal, HTTPRequestHead?, SocketAddress) -> HTTPResponse = {
            refusal, _, _ in
            .text("\(refusal)\n", status: refusal.status)
        }

        /// For the client's part of the handshake of TLS.
        package var handshakeTimeout = Duration.seconds(10)
        /// Handshakes at a time; connections above that are closed.
        package var maxHandshakes = 1000
        /// From the first byte of a head to its end, and from the connection's beginning to its first byte.
        package var headTimeout = Duration.seconds(10)
        /// From the end of the head to the end of the content.
        package var bodyTimeout = Duration.seconds(30)
        /// From a response to the first byte of the next request.
        package var idleTimeout = Duration.seconds(75)
        /// From the end of a request to the handler's answer; then the handler is cancelled and 503 sent.
        package var handlerTimeout = Duration.seconds(60)
        /// For the client to take a response, or to make room for more of a stream. Longer for responses above 1 MiB: one
        /// second more for each further 64 KiB.
        package var writeTimeout = Duration.seconds(30)
        /// For the client to close after it was told that the connection ends.
        package var lingerTimeout = Duration.seconds(2)
        /// How long a handler may go on after the client has ended its side. A client that has gone away and one that has
        /// only finished sending look the same; what works for the first is to end, the second gets what is answered soon.
        package var halfCloseGrace = Duration.milliseconds(25)
        /// How long a drain waits for one more request on an idle connection, so that none is lost on its way.
        package var drainIdleGrace = Duration.milliseconds(300)

        /// Connections taken at a time; more are answered 503 and closed.
        package var maxConnections = 10_000
        /// Connections taken at a time from one address.
        package var maxConnectionsPerAddress = Int.max
        /// Whether many clients come from an address, such as a proxy's, to which that does not apply.
        package var isShared: @Sendable (SocketAddress.Host) -> Bool = { _ in false }
        /// Bytes of content that all requests together may hold; more is answered 503.
        package var maxHeldBodies = 512 << 20
        /// Requests at a time on a connection of HTTP/2.
        package var maxStreams = 100
        /// Frames of HTTP/2 without use of their own (PING, SETTINGS, PRIORITY, resets, empty DATA) that a client may send in
        /// one go, and how many more each second after that. A client over it is sent away.
        package var controlFrameBurst = 1000
        package var controlFramesPerSecond = 100
        /// The system's queue of connections not yet accepted.
        package var backlog: Int32 = 1024
        /// Bytes of further requests kept while a handler runs.
        package var pipelineBuffer = 64 << 10
        /// Bytes of a stream that wait for the client before its producer is held back.
        package var streamBuffer = 128 << 10

        /// The documented defaults, on a port of the loopback.
        package init(address: SocketAddress = .loopback(port: 0)) { self.address = address }
    }

    /// Figures of a server.
    package struct Statistics: Sendable, Hashable {
        /// Connections open now.
        package var connections: Int
        /// Handlers running now, streams among them.
        package var active: Int
        /// Requests handed to the handler so far.
        package var requests: Int
        /// Requests and connections refused by the server itself so far.
        package var refused: Int
    }
}
