import Testing

@testable import HTTPServer

@Suite struct HTTPHeadersTests {
    @Test func keepsOrderAndComparesNamesWithoutCase() {
        var headers: HTTPHeaders = ["B": "1", "a": "2", "b": "3"]
        #expect(headers["b"] == "1")
        #expect(headers.values("B") == ["1", "3"])
        #expect(headers.all.map { "\($0.name)=\($0.value)" } == ["B=1", "a=2", "b=3"])
        headers.set("B", "4")
        #expect(headers.all.map { "\($0.name)=\($0.value)" } == ["a=2", "B=4"])
        headers.remove("A")
        headers.remove("missing")
        #expect(headers.count == 1)
        #expect(!headers.contains("a"))
        headers.remove("b")
        #expect(headers.isEmpty)
    }

    @Test(arguments: [
        ("a\r\nSet-Cookie: x", "a  Set-Cookie: x"), ("a\0b\u{7F}", "a b "), ("tab\tstays é", "tab\tstays é"),
    ])
    func aValueCannotBeginAnotherField(value: String, stored: String) {
        var headers = HTTPHeaders()
        headers.append("X", value)
        #expect(headers["x"] == stored)
        var output: [UInt8] = []
        headers.write(to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "X: \(stored)\r\n")
    }

    @Test func leavesOutWhatTheServerDecides() {
        let headers: HTTPHeaders = [
            "Date": "x", "CONTENT-LENGTH": "1", "Transfer-Encoding": "chunked", "connection": "close",
            "Keep-Alive": "1",
            "X": "y",
        ]
        var output: [UInt8] = []
        headers.write(to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "X: y\r\n")
    }

    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
    ])
    func formatsDates(seconds: Int, text: String) {
        #expect(DateLine.format(seconds) == text)
    }
}
