import EventLoop
import Glibc
import TestKit
import Testing

/// Sockets that were opened by whoever started the process.
@Suite struct InheritedSocketTests {
    /// A listening socket with a number that is free for a copy of it.
    private struct Opened {
        let descriptor: Int32
        let port: UInt16

        init(isListening: Bool = true) throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            try #require(descriptor >= 0)
            self.descriptor = descriptor
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    unsafe bind(descriptor, raw, length) | getsockname(descriptor, raw, &length)
                }
            }
            if isListening { _ = listen(descriptor, 16) }
            port = UInt16(bigEndian: address.sin_port)
            try #require(status == 0)
        }

        var address: SocketAddress { .loopback(port: port) }

        /// What a process is told of one socket, which it then owns.
        func handedOver() throws -> InheritedSockets {
            let copy = dup(descriptor)
            try #require(copy >= 0)
            return try InheritedSockets(environment: environment(), first: copy)
        }

        func environment() -> [String: String] { ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "1"] }
    }

    @Test(arguments: [
        [:], ["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "1"], ["LISTEN_PID": "x", "LISTEN_FDS": "1"],
    ])
    func whatIsForNobodyIsLeftAlone(environment: [String: String]) throws {
        #expect(try InheritedSockets(environment: environment).unclaimed == [])
    }

    @Test func whatDoesNotListenIsRefused() throws {
        let unbound = try Opened(isListening: false)
        defer { close(unbound.descriptor) }
        #expect(throws: EventLoopError.self) {
            try InheritedSockets(environment: unbound.environment(), first: unbound.descriptor)
        }
        #expect(throws: EventLoopError.self) {
            try InheritedSockets(environment: unbound.environment(), first: 1_000_000)
        }
    }

    /// The queue goes from one listener to the next: nobody who connects in between is refused or cut off.
    @Test func theQueueOutlivesTheListener() async throws {
        let opened = try Opened()
        defer { close(opened.descriptor) }
        try await withLoop { loop in
            let accepted = Notes<TCPConnection>()
            func listen() async throws -> TCPListener {
                let sockets = try opened.handedOver()
                #expect(sockets.unclaimed == [opened.address])
                let listener = try await loop.run {
                    try TCPListener.listen(on: opened.address, loop: loop, inherited: sockets) { connection in
                        connection.startReading()
                        accepted.add(connection)
                    }
                }
                #expect(sockets.unclaimed == [])
                return listener
            }
            let first = try await listen()
            let peers = [Peer(), Peer()]
            func connect(_ peer: Peer) async throws {
                let client = try await TCPConnection.connect(to: opened.address, loop: loop, timeout: .seconds(20))
                try await loop.run {
                    client.delegate = peer
                    client.startReading()
                }
            }
            try await connect(peers[0])
            try await eventually("the first is accepted") { accepted.count == 1 }
            await first.finishAccepting()
            try await connect(peers[1])
            #expect(accepted.count == 1)
            let second = try await listen()
            try await eventually("the next listener has it") { accepted.count == 2 }
            #expect(peers.allSatisfy { $0.now.eof == 0 && $0.now.closed.isEmpty })
            await second.close()
        }
    }
}
