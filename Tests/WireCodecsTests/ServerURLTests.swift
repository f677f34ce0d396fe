import Testing
import WireCodecs

@Suite struct ServerURLTests {
    @Test func allPartsAreRead() throws {
        let url = try ServerURL(parsing: "x+y://a%40b:p%3A@/w@[2001:db8::1]:65535/%2F/v?a=1&b=%26&a=")
        #expect(url.scheme == "x+y" && url.host.isEmpty && url.path == "w@[2001:db8::1]:65535/%2F/v")
        let whole = try ServerURL(parsing: "x+y://a%40b:p%3A@w@[2001:db8::1]:65535/%2F/v?a=1&b=%26&a=")
        #expect(whole.user == "a@b" && whole.password == "p:@w")
        #expect(whole.host == "2001:db8::1" && whole.port == 65535 && whole.path == "%2F/v")
        #expect(whole.parameters.map(\.name) == ["a", "b", "a"] && whole.parameters.map(\.value) == ["1", "&", ""])
    }

    @Test func absentPartsAreNil() throws {
        let url = try ServerURL(parsing: "x://h")
        #expect(url.host == "h" && url.user == nil && url.password == nil && url.port == nil && url.path == nil)
        #expect(url.parameters.isEmpty)
        let empty = try ServerURL(parsing: "x://u@/")
        #expect(empty.host.isEmpty && empty.user == "u" && empty.password == nil && empty.path == "")
        #expect(try ServerURL(parsing: "x://:@h").password == "")
    }

    @Test(arguments: [
        "", "h", "x:/h", "x://hunter2:", "x://h:hunter2", "x://h:0", "x://h:65536", "x://h:+80", "x://h:١", "x://[::1",
        "x://[::1]hunter2", "x://u:hunter2%4@h", "x://u:hunter2%00@h", "x://hunter2%ff", "x://h?hunter2", "x://h?a=%zz",
    ])
    func faultsDoNotQuoteTheText(_ text: String) {
        let fault = #expect(throws: ServerURL.Fault.self) { try ServerURL(parsing: text) }
        #expect(fault.map { String(reflecting: $0).contains("hunter2") } == false)
    }
}
