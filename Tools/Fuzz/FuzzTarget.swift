/// A reader of bytes from outside, with what must hold whatever the bytes are.
struct FuzzTarget: Sendable {
    /// The name on the command line, and of the file with the seeds.
    let name: String
    /// The longest input that is tried, in bytes.
    let maximumBytes: Int
    /// Inputs that cannot stand in a file, because they hold a signature of this run.
    let madeSeeds: @Sendable () throws -> [[UInt8]]
    /// Reads an input and checks the properties; whatever it throws is a finding.
    let check: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, maximumBytes: Int = 4096, madeSeeds: @escaping @Sendable () throws -> [[UInt8]] = { [] },
        check: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.maximumBytes = maximumBytes
        self.madeSeeds = madeSeeds
        self.check = check
    }

    /// Every target.
    static let all: [FuzzTarget] =
        [http, json] + contracts + cloudEvents + [navFile] + tokens + grpc + values

    /// The target of that name.
    static func named(_ name: String) throws -> FuzzTarget {
        guard let target = all.first(where: { $0.name == name }) else {
            throw FuzzUsageError("there is no target \(name); there are: \(all.map(\.name).joined(separator: ", "))")
        }
        return target
    }
}

/// A property that does not hold for an input.
struct BrokenProperty: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Finds a property broken unless the condition holds.
func require(_ condition: Bool, _ property: @autoclosure () -> String) throws(BrokenProperty) {
    guard condition else { throw BrokenProperty(property()) }
}

/// Runs a reader whose refusals of one type are in order; nil where it refused.
func accepted<Value, Refusal: Error>(_ read: () throws(Refusal) -> Value) -> Value? {
    do {
        return try read()
    } catch {
        return nil
    }
}

extension [UInt8] {
    /// The bytes before and after the first `byte`; all and nothing where it is not there.
    func split(atFirst byte: UInt8) -> (head: [UInt8], tail: [UInt8]) {
        guard let position = firstIndex(of: byte) else { return (self, []) }
        return (Array(self[..<position]), Array(self[(position + 1)...]))
    }

    /// The text that these bytes are, damaged parts replaced.
    var text: String { String(decoding: self, as: UTF8.self) }
}
