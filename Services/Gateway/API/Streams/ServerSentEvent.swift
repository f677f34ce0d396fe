internal import CloudEvents

/// Events in the format of the HTML standard, section 9.2.
enum ServerSentEvent {
    /// What a stream begins with: when to come back, and something to see at once.
    static let opening = Array("retry: 2000\n: connected\n\n".utf8)
    /// A comment for an idle stream.
    static let heartbeat = Array(": heartbeat\n\n".utf8)

    /// What a stream begins with where it cannot go on after the event that the client has: the client is to read anew what
    /// it shows.
    static let gap = Array("event: stream.gap\ndata: {}\n\n".utf8)

    /// What a stream ends with that was read too slowly. Without an id: the client comes back after the event before it.
    static let overflow = Array("event: stream.overflow\ndata: {}\n\n".utf8)

    /// An event: its id, its type without the prefix that all have, and the whole of it in structured mode.
    static func frame(_ event: CloudEvent) -> [UInt8] {
        frame(id: event.id, type: event.type, data: CloudEventJSONCodec.encode(event))
    }

    /// The same from the event's parts; `data` is all of it in structured mode.
    static func frame(id: String, type: String, data: [UInt8]) -> [UInt8] {
        let prefix = "florin."
        let type = type.hasPrefix(prefix) ? type.dropFirst(prefix.count) : type[...]
        var frame: [UInt8] = []
        frame.reserveCapacity(data.count + id.utf8.count + type.utf8.count + 24)
        frame += "id: ".utf8
        frame += id.utf8
        frame += "\nevent: ".utf8
        frame += type.utf8
        frame += "\ndata: ".utf8
        // Between JSON's tokens a line's end is white space, and within its strings it is escaped.
        frame += data.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
        frame += "\n\n".utf8
        return frame
    }
}
