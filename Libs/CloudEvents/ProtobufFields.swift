internal import WireCodecs

extension ProtobufReader {
    /// The next field, nil at the end.
    mutating func field() throws(CloudEventError) -> (number: UInt64, value: Value)? {
        do throws(Fault) {
            return try next()
        } catch {
            throw CloudEventError(.malformed, error.rule)
        }
    }
}

extension ProtobufReader.Value {
    /// The bytes of a field that must have some.
    func requireBytes() throws(CloudEventError) -> ArraySlice<UInt8> {
        guard case .bytes(let bytes) = self else { throw Self.wrongType }
        return bytes
    }

    /// The text of a field that must be valid UTF-8.
    func requireText() throws(CloudEventError) -> String {
        guard let text = String(validating: try requireBytes(), as: UTF8.self) else {
            throw CloudEventError(.malformed, "a string is not UTF-8")
        }
        return text
    }

    /// The number of a field that must be one.
    func requireVarint() throws(CloudEventError) -> UInt64 {
        guard case .varint(let value) = self else { throw Self.wrongType }
        return value
    }

    private static var wrongType: CloudEventError { CloudEventError(.malformed, "a field has the wrong wire type") }
}
