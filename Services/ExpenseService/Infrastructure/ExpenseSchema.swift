package import Postgres
import Messaging
import ServiceRuntime

/// The history of the schema `expense`.
package enum ExpenseSchema {
    package static let migrations: [Migration] = [
        Migration(
            number: 1, name: "categories, expenses, budgets",
            sql: tables + Outbox.migration + Inbox.migration + DeadLetters.migration + IdempotencyRecords.migration),
        Migration(
            number: 30, name: "erased users",
            sql: ErasedUsers.migration
                + ErasedUsers.guards(
                    of: ["categories", "expenses", "budgets"], lockClass: ExpenseRepository.spendingLockClass)),
    ]

    /// `expense_parts` holds what every sum is made of: one row for each category of an expense, signed, so that no sum needs
    /// to know of splits and refunds. `event_sequence` is the number of the last event of the aggregate.
    private static let tables = """
        CREATE TABLE categories (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            name text NOT NULL,
            icon text,
            color text,
            parent_id uuid REFERENCES categories (id),
            archived boolean NOT NULL DEFAULT false,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE UNIQUE INDEX categories_name ON categories
            (owner_id, lower(name), COALESCE(parent_id, '00000000-0000-0000-0000-000000000000'));
        CREATE INDEX categories_parent ON categories (parent_id) WHERE parent_id IS NOT NULL;

        CREATE TABLE expenses (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('expense', 'refund')),
            amount numeric NOT NULL CHECK (amount > 0),
            currency text NOT NULL,
            spent_on date NOT NULL,
            category_id uuid REFERENCES categories (id),
            merchant text,
            note text,
            tags text[] NOT NULL DEFAULT '{}',
            external_id text,
            event_sequence bigint NOT NULL DEFAULT 1,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE INDEX expenses_by_day ON expenses (owner_id, spent_on DESC, id DESC);

        CREATE TABLE expense_parts (
            expense_id uuid NOT NULL REFERENCES expenses (id) ON DELETE CASCADE,
            position smallint NOT NULL,
            owner_id uuid NOT NULL,
            category_id uuid REFERENCES categories (id),
            spent_on date NOT NULL,
            amount numeric NOT NULL,
            currency text NOT NULL,
            note text,
            is_split boolean NOT NULL,
            PRIMARY KEY (expense_id, position)
        );
        CREATE INDEX expense_parts_sums ON expense_parts (owner_id, spent_on) INCLUDE (category_id, amount, currency);
        CREATE INDEX expense_parts_category ON expense_parts (owner_id, category_id, spent_on)
            INCLUDE (amount, currency);

        CREATE TABLE budgets (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            name text NOT NULL,
            category_id uuid REFERENCES categories (id),
            amount numeric NOT NULL CHECK (amount > 0),
            currency text NOT NULL,
            period text NOT NULL CHECK (period IN ('weekly', 'monthly', 'quarterly', 'yearly')),
            starts_on date NOT NULL,
            ends_on date CHECK (ends_on >= starts_on),
            rollover boolean NOT NULL,
            thresholds bigint[] NOT NULL,
            event_sequence bigint NOT NULL DEFAULT 0,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE INDEX budgets_owner ON budgets (owner_id, id);

        CREATE TABLE budget_thresholds (
            budget_id uuid NOT NULL REFERENCES budgets (id) ON DELETE CASCADE,
            period_start date NOT NULL,
            threshold bigint NOT NULL,
            is_crossed boolean NOT NULL,
            crossings bigint NOT NULL,
            PRIMARY KEY (budget_id, period_start, threshold)
        );
        """
}
