package import Chronology
package import ExpenseDomain
package import Idempotency
package import Validation

/// Creates, lists and shows the caller's categories.
package struct Categories: Sendable {
    private let store: any ExpenseStore
    private let clock: any WallClock

    package init(store: any ExpenseStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, name: String, icon: String?, color: String?, parentID: String?,
        receipt: (Category) throws -> IdempotencyReceipt?
    ) async throws -> Category {
        let category = try Category.create(
            ownerID: caller, name: name, icon: icon, color: color, parentID: parentID, at: clock.now())
        do {
            try await store.insert(category, receipt: receipt(category))
        } catch let refusal as ExpenseStoreRefusal {
            switch refusal {
            case .unknownCategories:
                throw ValidationFailure(
                    field: "parent_id", code: "unknown_category", message: "must be a category of yours")
            case .nestedTooDeeply:
                throw ValidationFailure(
                    field: "parent_id", code: "nested_too_deeply", message: "must not have a parent itself")
            case .categoryExists:
                throw ValidationFailure(
                    field: "name", code: "already_exists", message: "must differ from your other categories' names")
            }
        }
        return category
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<Category> {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 2)
        if let after = page?.after { _ = validator.cursorIdentifier(after, key: 1) }
        return try await store.categories(of: caller, validator.checked(page))
    }

    /// - Returns: nil where the caller has no such category.
    package func find(caller: UUIDv7, id: String) async throws -> Category? {
        guard let id = try? UUIDv7(parsing: id) else { return nil }
        return try await store.category(id, of: caller)
    }

    /// Gives a new user the categories to begin with.
    package func defaults(for user: UUIDv7) -> [Category] {
        Category.defaults(for: user, at: clock.now())
    }
}

extension Validator {
    /// A key of a cursor that must be an identifier.
    mutating func cursorIdentifier(_ cursor: PageCursor, key: Int) -> UUIDv7? {
        if let id = try? UUIDv7(parsing: cursor.keys[key]) { return id }
        fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        return nil
    }
}
