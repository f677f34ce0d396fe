package import Chronology
package import Validation

/// What money is spent on. Categories form a tree of two levels.
package struct Category: Sendable, Hashable {
    package let id: UUIDv7
    package let ownerID: UUIDv7
    package let name: String
    package let icon: String?
    /// `#rrggbb`.
    package let color: String?
    /// The category above; a category that has one has no children.
    package let parentID: UUIDv7?
    package let archived: Bool
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, ownerID: UUIDv7, name: String, icon: String?, color: String?, parentID: UUIDv7?, archived: Bool,
        version: Int64, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.name = name
        self.icon = icon
        self.color = color
        self.parentID = parentID
        self.archived = archived
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Checks what a client asks for and makes the category. Whether the parent exists is looked up elsewhere.
    ///
    /// - Throws: the fields `name`, `icon`, `color`, `parent_id` that break a rule.
    package static func create(
        id: UUIDv7 = .make(), ownerID: UUIDv7, name: String, icon: String?, color: String?, parentID: String?,
        at now: Timestamp
    ) throws(ValidationFailure) -> Category {
        var validator = Validator()
        let name: String? = validator.text("name", name, maximum: 100)
        let icon: String? = validator.text("icon", icon, maximum: 50)
        if let color, !isColor(color) {
            validator.fail("color", "invalid_color", "must be a color such as #2e7d32")
        }
        let parent: UUIDv7? = validator.identifier("parent_id", parentID)
        return Category(
            id: id, ownerID: ownerID, name: try validator.checked(name), icon: icon, color: color, parentID: parent,
            archived: false, version: 1, createdAt: now, updatedAt: now)
    }

    /// The categories that a new user begins with.
    package static func defaults(for ownerID: UUIDv7, at now: Timestamp) -> [Category] {
        let looks = [
            ("Groceries", "basket", "#2e7d32"), ("Housing", "home", "#5d4037"), ("Utilities", "bolt", "#f9a825"),
            ("Transport", "bus", "#1565c0"), ("Health", "heart", "#c62828"), ("Eating out", "cup", "#ef6c00"),
            ("Leisure", "ticket", "#6a1b9a"), ("Clothing", "shirt", "#ad1457"), ("Education", "book", "#283593"),
            ("Travel", "plane", "#00838f"), ("Gifts", "gift", "#d81b60"), ("Other", "dots", "#546e7a"),
        ]
        return looks.map { name, icon, color in
            Category(
                id: .make(), ownerID: ownerID, name: name, icon: icon, color: color, parentID: nil, archived: false,
                version: 1, createdAt: now, updatedAt: now)
        }
    }

    private static func isColor(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 7 && bytes[0] == UInt8(ascii: "#")
            && bytes[1...].allSatisfy { byte in
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte | 0x20
            }
    }
}
