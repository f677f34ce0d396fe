import EventLoop
import Glibc
import Testing
import TestKit

@Suite struct TCPTests {
    @Test func echoesAndEndsInOrder() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop, serverEchoes: true)
            let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try await loop.run {
                for start in stride(from: 0, to: sent.count, by: 7919) {
                    pair.client.write(Array(sent[start..<min(start + 7919, sent.count)]))
                }
                pair.client.shutdownWrite()
            }
            try await eventually("everything comes back") { pair.clientPeer.now.eof == 1 }
            #expect(pair.clientPeer.now.bytes == sent)
            try await loop.run { pair.client.close() }
            try await eventually("both close") {
                pair.clientPeer.now.closed.count == 1 && pair.serverPeer.now.closed.count == 1
            }
            #expect(pair.serverPeer.now.closed == [nil])
            #expect(pair.serverPeer.now.eof == 1)
        }
    }

    @Test func knowsItsAddresses() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop)
            try await loop.run {
                #expect(pair.client.peer == pair.listener.localAddress)
                #expect(pair.client.local == pair.server.peer)
                #expect(pair.server.local == pair.listener.localAddress)
            }
            #expect(pair.listener.localAddress.port != 0)
        }
    }

    @Test func worksOverIPv6() async throws {
        try await withLoop { loop in
            let listener = try await loop.run {
                try TCPListener.listen(on: SocketAddress(parsing: "[::1]:0"), loop: loop) { $0.close() }
            }
            let peer = Peer()
            let client = try await TCPConnection.connect(to: listener.localAddress, loop: loop, timeout: .seconds(20))
            try await loop.run {
                client.delegate = peer
                client.startReading()
            }
            try await eventually("the end is seen") { peer.now.eof == 1 }
        }
    }

    @Test func queueGrowsAndDrains() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop, serverReads: false)
            let total = 24 << 20
            let queued = try await loop.run {
                for _ in 0..<24 { pair.client.write([UInt8](repeating: 7, count: 1 << 20)) }
                return pair.client.queuedBytes
            }
            #expect(queued > 1 << 20)
            #expect(pair.clientPeer.now.drains == 0)
            try await loop.run { pair.server.startReading() }
            try await eventually("all arrives") { pair.serverPeer.now.received == total }
            try await eventually("the drain is reported") { pair.clientPeer.now.drains > 0 }
            #expect(try await loop.run { pair.client.queuedBytes } == 0)
        }
    }

    @Test func pausedReadingHoldsTheBytesBack() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop)
            try await loop.run {
                pair.server.pauseReading()
                pair.client.write([1, 2, 3])
            }
            try await loop.sleep(for: .milliseconds(20))
            #expect(pair.serverPeer.now.received == 0)
            try await loop.run { pair.server.resumeReading() }
            try await eventually("they arrive") { pair.serverPeer.now.bytes == [1, 2, 3] }
        }
    }

    @Test func closeAfterFlushDeliversEverything() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop, serverReads: false)
            try await loop.run {
                pair.client.write([UInt8](repeating: 9, count: 8 << 20))
                pair.client.closeAfterFlush(timeout: .seconds(60))
                pair.client.write([1])
                // Unread bytes on the client's side must not turn the end into a reset.
                pair.server.write([UInt8](repeating: 1, count: 100_000))
                pair.server.startReading()
            }
            try await eventually("the end is seen") { pair.serverPeer.now.eof == 1 }
            #expect(pair.serverPeer.now.received == 8 << 20)
            try await loop.run { pair.server.close() }
            try await eventually("the client closes") { pair.clientPeer.now.closed == [nil] }
        }
    }

    @Test func closeAfterFlushHasABound() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop, serverReads: false)
            try await loop.run {
                pair.client.write([UInt8](repeating: 9, count: 32 << 20))
                pair.client.closeAfterFlush(timeout: .milliseconds(50))
            }
            try await eventually("it closes though nobody reads") { pair.clientPeer.now.closed.count == 1 }
        }
    }

    @Test(arguments: [0, 8 << 20])
    func closeAfterFlushMayFollowAHalfClose(count: Int) async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop, serverReads: false)
            try await loop.run {
                pair.client.write([UInt8](repeating: 9, count: count))
                pair.client.shutdownWrite()
                pair.client.closeAfterFlush(timeout: .seconds(60), linger: .seconds(60))
                pair.server.startReading()
            }
            try await eventually("the end is seen") { pair.serverPeer.now.eof == 1 }
            #expect(pair.serverPeer.now.received == count)
            #expect(pair.clientPeer.now.closed.isEmpty)
            try await loop.run { pair.server.close() }
            try await eventually("the client closes") { pair.clientPeer.now.closed == [nil] }
        }
    }

    @Test func lingeringHasABoundOfItsOwn() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop)
            try await loop.run {
                pair.client.write([1])
                pair.client.closeAfterFlush(timeout: .seconds(1000), linger: .milliseconds(20))
            }
            try await eventually("it closes though the peer does not") { pair.clientPeer.now.closed == [nil] }
            #expect(pair.serverPeer.now.bytes == [1])
        }
    }

    @Test func abortResets() async throws {
        try await withLoop { loop in
            let pair = try await Pair.make(on: loop)
            try await loop.run { pair.client.abort() }
            try await eventually("the reset is seen") { pair.serverPeer.now.closed.count == 1 }
            #expect(pair.serverPeer.now.closed.first??.code == .connectionReset)
            #expect(pair.serverPeer.now.eof == 0)
        }
    }

    @Test func refusedConnectionsAreReported() async throws {
        try await withLoop { loop in
            // Bound but not listening: nobody else can get the port meanwhile.
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { Glibc.close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                let general = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                return unsafe bind(descriptor, general, size) + getsockname(descriptor, general, &size)
            }
            #expect(status == 0)
            let port = UInt16(bigEndian: address.sin_port)
            await #expect {
                _ = try await TCPConnection.connect(to: .loopback(port: port), loop: loop, timeout: .seconds(20))
            } throws: { ($0 as? EventLoopError)?.code == .connectionRefused }
        }
    }

    @Test func connectingHasABoundAndCanBeCancelled() async throws {
        try await withLoop { loop in
            // A queue of one that nobody accepts from: the system leaves further connections unanswered.
            let listener = try await loop.run {
                let listener = try TCPListener.listen(on: .loopback(port: 0), loop: loop, backlog: 0) { _ in }
                listener.pause()
                return listener
            }
            let address = listener.localAddress
            let fill = (0..<4).map { _ in
                Task { try await TCPConnection.connect(to: address, loop: loop, timeout: .milliseconds(300)) }
            }
            let last = Task { try await TCPConnection.connect(to: address, loop: loop, timeout: .seconds(1000)) }
            var timedOut = 0
            for task in fill {
                if case .failure(let error) = await task.result, (error as? EventLoopError)?.code == .timedOut {
                    timedOut += 1
                }
            }
            #expect(timedOut > 0)
            last.cancel()
            await #expect(throws: CancellationError.self) { try await last.value }
        }
    }

    @Test func takenAddressesAreReported() async throws {
        try await withLoop { loop in
            try await loop.run {
                let first = try TCPListener.listen(on: .loopback(port: 0), loop: loop) { _ in }
                #expect { try TCPListener.listen(on: first.localAddress, loop: loop) { _ in } } throws: {
                    ($0 as? EventLoopError)?.code == .addressUnavailable
                }
            }
        }
    }

    @Test func pausedListenersLeaveConnectionsWaiting() async throws {
        try await withLoop { loop in
            let accepted = Notes<Int>()
            let listener = try await loop.run {
                let listener = try TCPListener.listen(on: .loopback(port: 0), loop: loop) { _ in accepted.add(1) }
                listener.pause()
                return listener
            }
            _ = try await TCPConnection.connect(to: listener.localAddress, loop: loop, timeout: .seconds(20))
            try await loop.sleep(for: .milliseconds(10))
            #expect(accepted.count == 0)
            try await loop.run { listener.resume() }
            try await eventually("it is accepted") { accepted.count == 1 }
        }
    }
}
