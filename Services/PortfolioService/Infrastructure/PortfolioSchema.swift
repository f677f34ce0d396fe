package import Postgres
import Messaging
import ServiceRuntime

/// The history of the schema `portfolio`.
package enum PortfolioSchema {
    package static let migrations: [Migration] = [
        Migration(
            number: 1, name: "portfolios, instruments, prices, transactions",
            sql: tables + Outbox.migration + Inbox.migration + DeadLetters.migration + IdempotencyRecords.migration),
        Migration(
            number: 30, name: "erased users",
            sql: ErasedUsers.migration
                + ErasedUsers.guards(of: ["portfolios", "instruments"], lockClass: PortfolioErasure.lockClass)),
    ]

    /// `event_sequence` is the number of the last event of the aggregate. `strength` orders the sources of a day's price.
    private static let tables = """
        CREATE TABLE portfolios (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            name text NOT NULL,
            base_currency text NOT NULL,
            cost_method text NOT NULL CHECK (cost_method IN ('fifo', 'average')),
            event_sequence bigint NOT NULL DEFAULT 0,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE INDEX portfolios_owner ON portfolios (owner_id, id);

        CREATE TABLE instruments (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            type text NOT NULL,
            name text NOT NULL,
            currency text NOT NULL,
            isin text,
            ticker text,
            amfi_code text,
            event_sequence bigint NOT NULL DEFAULT 0,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE INDEX instruments_owner ON instruments (owner_id, id);
        CREATE UNIQUE INDEX instruments_isin ON instruments (owner_id, isin, currency) WHERE isin IS NOT NULL;
        CREATE UNIQUE INDEX instruments_amfi_code ON instruments (owner_id, amfi_code) WHERE amfi_code IS NOT NULL;

        CREATE TABLE prices (
            instrument_id uuid NOT NULL REFERENCES instruments (id) ON DELETE CASCADE,
            on_day date NOT NULL,
            strength smallint NOT NULL,
            source text NOT NULL,
            price numeric NOT NULL CHECK (price > 0),
            PRIMARY KEY (instrument_id, on_day, strength)
        );

        CREATE TABLE transactions (
            id uuid PRIMARY KEY,
            portfolio_id uuid NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
            instrument_id uuid NOT NULL REFERENCES instruments (id),
            type text NOT NULL CHECK (type IN ('buy', 'sell')),
            on_day date NOT NULL,
            quantity numeric NOT NULL CHECK (quantity > 0),
            price numeric NOT NULL CHECK (price > 0),
            amount numeric NOT NULL,
            currency text NOT NULL,
            fee numeric,
            tax numeric,
            note text,
            external_id text,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );
        CREATE INDEX transactions_by_day ON transactions (portfolio_id, on_day DESC, id DESC);
        CREATE INDEX transactions_instrument ON transactions (instrument_id, portfolio_id);
        """
}
