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

    /// The headers whose values CloudEvents can express; the broker's own (`x-death` and the like) are left out with
    /// the rest.
    static func headers(_ table: AMQPTable) -> [MessageHeader] {
        table.entries.compactMap { entry in
            switch entry.value {
            case .string(let text): MessageHeader(entry.name, .string(text))
            case .int(let number): Int32(exactly: number).map { MessageHeader(entry.name, .integer($0)) }
            case .bool(let flag): MessageHeader(entry.name, .boolean(flag))
            case .bytes(let bytes): MessageHeader(entry.name, .binary(bytes))
            case .double, .timestamp, .array, .table, .null: nil
            }
        }
    }
}
