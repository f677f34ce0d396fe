internal import AMQP
internal import CloudEvents
internal import Messaging

/// Message headers as AMQP 0-9-1 field tables.
enum HeaderCoding {
    static func table(_ headers: [MessageHeader]) -> AMQPTable {
        AMQPTable(headers.map { AMQPTable.Entry(name: $0.name, value: value($0.value)) })
    }

    private static func value(_ value: AttributeValue) -> AMQPValue {
        switch value {
        case .string(let text): .string(text)
        case .integer(let number): .int(Int64(number))
        case .boolean(let flag): .bool(flag)
        case .binary(let bytes): .bytes(bytes)
        }
    }

    /// What the broker notes on a message about its deliveries. It changes from one to the next, and a message that comes
    /// again must be known as the same.
    private static let brokerHeaders: Set<String> = ["x-acquired-count", "x-delivery-count"]

    /// The headers a message was published with whose values CloudEvents can express; others (`x-death` and the like) are
    /// left out.
    static func headers(_ table: AMQPTable) -> [MessageHeader] {
        table.entries.compactMap { entry in
            guard !brokerHeaders.contains(entry.name) else { return nil }
            return switch entry.value {
            case .string(let text): MessageHeader(entry.name, .string(text))
            case .int(let number): Int32(exactly: number).map { MessageHeader(entry.name, .integer($0)) }
            case .bool(let flag): MessageHeader(entry.name, .boolean(flag))
            case .bytes(let bytes): MessageHeader(entry.name, .binary(bytes))
            case .double, .timestamp, .array, .table, .null: nil
            }
        }
    }
}
