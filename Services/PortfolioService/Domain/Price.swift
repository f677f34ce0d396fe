package import Chronology
package import Money
package import Validation

/// Where a price is from. Where a day has prices of several sources the strongest counts.
package enum PriceSource: String, Sendable, CaseIterable {
    /// The price of a trade of one's own: the weakest.
    case trade
    case csv
    /// AMFI's list of net asset values.
    case amfi
    /// Entered by hand: the strongest.
    case manual

    /// Larger is stronger.
    package var strength: Int {
        switch self {
        case .trade: 0
        case .csv: 1
        case .amfi: 2
        case .manual: 3
        }
    }
}

/// What one unit of an instrument was worth on a day, in the instrument's currency.
package struct Price: Sendable, Hashable {
    package let on: CalendarDate
    package let price: Decimal
    package let source: PriceSource

    package init(on: CalendarDate, price: Decimal, source: PriceSource) {
        self.on = on
        self.price = price
        self.source = source
    }

    /// Checks a price entered by hand.
    ///
    /// - Throws: the fields `on`, `price` that break a rule.
    package static func manual(on: String, price: String) throws(ValidationFailure) -> Price {
        var validator = Validator()
        let day: CalendarDate? = validator.date("on", on)
        let decimal = validator.price("price", price)
        return Price(on: try validator.checked(day), price: try validator.checked(decimal), source: .manual)
    }
}

/// The prices of one instrument.
package struct PriceHistory: Sendable {
    /// The strongest price of each day, oldest first.
    package let prices: [Price]

    package init(_ prices: [Price]) {
        var strongest: [CalendarDate: Price] = [:]
        for price in prices {
            if let known = strongest[price.on], known.source.strength >= price.source.strength { continue }
            strongest[price.on] = price
        }
        self.prices = strongest.values.sorted { $0.on < $1.on }
    }

    /// The price of the last day that has one, on or before `day`.
    package func price(on day: CalendarDate) -> Price? {
        var low = 0
        var high = prices.count
        while low < high {
            let middle = (low + high) / 2
            if prices[middle].on <= day { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : prices[low - 1]
    }
}

extension Validator {
    /// A price above zero: at most 12 digits before the point, 8 after it.
    mutating func price(_ field: String, _ value: String) -> Decimal? {
        positiveDecimal(field, value, maximumIntegerDigits: 12, maximumScale: 8)
    }

    /// A quantity above zero: at most 12 digits before the point, 8 after it.
    mutating func quantity(_ field: String, _ value: String) -> Decimal? {
        positiveDecimal(field, value, maximumIntegerDigits: 12, maximumScale: 8)
    }
}
