package import ServiceRuntime
import Postgres

/// What the portfolio service knows of a user. Quantities and amounts are texts, as everywhere.
package enum PortfolioArchive {
    /// The kinds in the order of the archive.
    package static let kinds = [
        ArchivedRows("portfolios") { user in
            """
            SELECT p.id::text AS key, to_jsonb(p) - 'owner_id' - 'event_sequence' AS data
            FROM portfolios p WHERE p.owner_id = \(user)
            """
        },
        ArchivedRows("instruments") { user in
            """
            SELECT i.id::text AS key, to_jsonb(i) - 'owner_id' - 'event_sequence' AS data
            FROM instruments i WHERE i.owner_id = \(user)
            """
        },
        ArchivedRows("prices") { user in
            """
            SELECT concat(p.instrument_id, p.on_day, p.strength) AS key, jsonb_build_object(
                'instrument_id', p.instrument_id, 'on', p.on_day, 'source', p.source, 'price', p.price::text) AS data
            FROM prices p JOIN instruments i ON i.id = p.instrument_id WHERE i.owner_id = \(user)
            """
        },
        ArchivedRows("transactions") { user in
            """
            SELECT t.id::text AS key, to_jsonb(t) || jsonb_build_object(
                'quantity', t.quantity::text, 'price', t.price::text, 'amount', t.amount::text, 'fee', t.fee::text,
                'tax', t.tax::text) AS data
            FROM transactions t JOIN portfolios p ON p.id = t.portfolio_id WHERE p.owner_id = \(user)
            """
        },
    ]
}
