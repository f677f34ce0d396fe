import Testing
import WireCodecs

@Suite struct ProtobufTests {
    /// The fields as text; nil for a malformed message.
    private func fields(_ message: [UInt8]) -> [String]? {
        var reader = ProtobufReader(message[...])
        var fields: [String] = []
        do throws(ProtobufReader.Fault) {
            while let (number, value) = try reader.next() {
                switch value {
                case .varint(let value): fields.append("\(number)=\(value)")
                case .fixed64: fields.append("\(number):64")
                case .fixed32: fields.append("\(number):32")
                case .bytes(let bytes): fields.append("\(number)=\(Array(bytes))")
                }
            }
        } catch {
            return nil
        }
        return fields
    }

    @Test func whatIsWrittenIsRead() {
        var writer = ProtobufWriter()
        writer.number(1, 150)
        writer.number(2, 0)
        writer.number(0x1FFF_FFFF, .max)
        writer.text(3, "")
        writer.text(4, "é")
        writer.bytes(5, [])
        writer.bytes(6, Array(repeating: 7, count: 128))
        #expect(writer.bytes.prefix(3) == [0x08, 0x96, 0x01])
        #expect(
            fields(writer.bytes) == [
                "1=150", "536870911=\(UInt64.max)", "4=[195, 169]", "5=[]", "6=\(Array(repeating: 7, count: 128))",
            ])
    }

    @Test func everyWireTypeIsStepped() {
        let message: [UInt8] = [0x51, 1, 2, 3, 4, 5, 6, 7, 8, 0x55, 1, 2, 3, 4, 0x08, 0x01]
        #expect(fields(message) == ["10:64", "10:32", "1=1"])
        #expect(fields([]) == [])
    }

    @Test(
        arguments: [
            [0x08], [0x08, 0x80], [0x00, 0x01], [0x0A, 0x02, 0x61], [0x0B], [0x0C], [0x0F], [0x09, 0, 0], [0x0D, 0],
            [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
            [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00],
        ] as [[UInt8]])
    func refuses(_ message: [UInt8]) {
        #expect(fields(message) == nil)
    }
}
