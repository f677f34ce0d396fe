import EventLoop
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("0.0.0.0:0", "0.0.0.0:0"),
        ("255.255.255.255:65535", "255.255.255.255:65535"),
        ("[::1]:80", "[::1]:80"), ("[2001:DB8:0::0:1]:443", "[2001:db8::1]:443"), ("[::]:0", "[::]:0"),
        ("[::ffff:1.2.3.4]:5", "[::ffff:1.2.3.4]:5"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.description == canonical)
        #expect(try SocketAddress(parsing: canonical) == address)
    }

    @Test(arguments: [
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1:8 ",
        "localhost:80",
        "::1:80", "[::1]", "[127.0.0.1]:80", "[]:80", "256.0.0.1:1", "1.2.3:4", "127.0.0.1:000080", "127.0.0.1\0:80",
    ])
    func refuses(text: String) {
        #expect { try SocketAddress(parsing: text) } throws: { ($0 as? EventLoopError)?.code == .invalidAddress }
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("::1", "::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ])
    func aClientHasANetwork(address: String, network: String) throws {
        #expect(try #require(SocketAddress.Host(parsing: address)).network.description == network)
    }

    @Test func keepsItsParts() throws {
        let address = try SocketAddress(parsing: "[::1]:81")
        #expect(address.host == .v6(1))
        #expect(address.port == 81)
        #expect("\(address.host)" == "::1")
        #expect(SocketAddress.loopback(port: 7).host == .v4(0x7F00_0001))
    }
}

@Suite struct AddressBlockTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0", true), ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "9.255.255.255", false), ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
        ("192.0.2.6/31", "192.0.2.7", true), ("192.0.2.6/31", "192.0.2.8", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false), ("::/0", "2001:db8::1", true), ("::1", "::1", true),
        ("::1/128", "::2", false), ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8:0:8000::/49", "2001:db8:0:ffff::", true), ("2001:db8:0:8000::/49", "2001:db8:0:7fff::", false),
        ("::ffff:10.1.2.3", "10.1.2.3", true), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
    ])
    func contains(_ block: String, _ address: String, _ isIn: Bool) throws {
        let block = try #require(AddressBlock(parsing: block))
        #expect(try block.contains(#require(.init(parsing: address))) == isIn)
        #expect(AddressBlock(parsing: block.description) == block)
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10/8",
        "10.0.0.1/8", "::1/129", "::1/64", "::/1280", "localhost", "10.0.0.0/8 ", "[::1]", "10.0.0.0/255.0.0.0",
        "10.0.0.0\0",
    ])
    func refuses(_ text: String) { #expect(AddressBlock(parsing: text) == nil) }
}

@Suite struct ResolveTests {
    @Test func findsNamesAndNumbers() async throws {
        try await withLoop { loop in
            let named = try await loop.resolve("localhost:81", timeout: .seconds(30))
            #expect(named.contains { $0 == .loopback(port: 81) || $0.host == .v6(1) })
            #expect(
                try await loop.resolve("[::1]:80", timeout: .seconds(30)) == [SocketAddress(host: .v6(1), port: 80)])
            #expect(try await loop.resolve("127.0.0.1:80", timeout: .seconds(30)) == [.loopback(port: 80)])
        }
    }

    @Test(arguments: ["nowhere.invalid:80", "localhost", "localhost:x", ":80"])
    func reportsWhatThereIsNot(text: String) async throws {
        try await withLoop { loop in
            await #expect(throws: EventLoopError.self) { _ = try await loop.resolve(text, timeout: .seconds(30)) }
        }
    }

    @Test func canBeGivenUp() async throws {
        try await withLoop { loop in
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await loop.resolve("nowhere.invalid:80", timeout: .seconds(30))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
