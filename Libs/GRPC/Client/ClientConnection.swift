internal import EventLoop
internal import HTTP2

/// Why a server takes no new calls on a connection.
enum DrainReason {
    /// It stops, or the connection is old enough.
    case orderly
    /// It was asked too often whether it is there.
    case tooManyPings
    /// Something else went wrong.
    case fault
}

/// What a client's connection tells the address it belongs to; on the loop.
protocol ClientConnectionOwner: AnyObject {
    /// The server has sent its settings: calls may go.
    func becameReady(_ connection: ClientConnection)
    /// The server takes no new calls here.
    func beganToDrain(_ connection: ClientConnection, _ reason: DrainReason)
    /// A call ended, which makes room for another.
    func hasRoomAgain(_ connection: ClientConnection)
    /// The connection is gone.
    func closed(_ connection: ClientConnection)
}

/// One connection of a client to one address.
// @unchecked Sendable: confined to the loop; every entry is a call from our own classes there.
final class ClientConnection: @unchecked Sendable {
    private weak var owner: (any ClientConnectionOwner)?
    private var transport: HTTP2Connection?
    /// True once the server has sent its settings.
    private(set) var isReady = false
    /// True once the server has said that it takes no new calls.
    private(set) var isDraining = false
    /// When the connection became ready, on the loop's clock.
    private(set) var readySince: Duration?

    init(
        socket: TCPConnection, loop: EventLoop, configuration: HTTP2ConnectionConfiguration,
        owner: any ClientConnectionOwner
    ) throws(HTTP2Session.Fatal) {
        self.owner = owner
        transport = try HTTP2Connection(
            socket: socket, role: .client, configuration: configuration, loop: loop, owner: self)
    }

    func start() { transport?.start() }

    /// True when a call may be sent now.
    var hasRoom: Bool { isReady && !isDraining && transport?.hasRoom == true }

    /// Sends the call; false when the connection takes no more.
    func send(_ call: ClientCall, of subchannel: Subchannel, userAgent: String) -> Bool {
        guard let transport else { return false }
        return call.send(on: transport, of: subchannel, authority: subchannel.authority, userAgent: userAgent)
    }

    /// Says goodbye and closes; calls under way are lost.
    func close() { transport?.close(.noError) }
}

extension ClientConnection: HTTP2ConnectionOwner {
    /// Pushes were switched off by our settings, so that nghttp2 lets no stream of the server's come here.
    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream) {}

    func connectionReceivedSettings(_ connection: HTTP2Connection) {
        guard !isReady else {
            owner?.hasRoomAgain(self)
            return
        }
        isReady = true
        readySince = connection.loop.now
        owner?.becameReady(self)
    }

    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {
        let isTooManyPings = error == .enhanceYourCalm && reason == "too_many_pings"
        let drain: DrainReason = isTooManyPings ? .tooManyPings : error == .noError ? .orderly : .fault
        guard !isDraining else { return }
        isDraining = true
        owner?.beganToDrain(self, drain)
    }

    func connectionClosedStream(_ connection: HTTP2Connection) { owner?.hasRoomAgain(self) }

    func connectionDidRead(_ connection: HTTP2Connection) {}

    func connectionClosed(_ connection: HTTP2Connection) { owner?.closed(self) }
}
