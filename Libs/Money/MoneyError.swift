/// Why a number, a currency or an amount of money was refused, or could not be computed.
package struct MoneyError: Error, Hashable, CustomStringConvertible {
    /// The rule that was broken; the raw value is stable and fits a problem's `code`.
    package enum Code: String, Sendable {
        /// Not plain decimal notation (`-12.50`): an exponent, a plus sign, a space, a leading zero, a bare point.
        case malformedNumber = "malformed_number"
        /// More digits before the point than allowed.
        case tooManyIntegerDigits = "too_many_integer_digits"
        /// More decimals than allowed, or than the currency has.
        case tooManyDecimals = "too_many_decimals"
        /// A negative amount where none may be.
        case negativeAmount = "negative_amount"
        /// An amount of zero where none may be.
        case zeroAmount = "zero_amount"
        /// Not a current ISO 4217 code in upper case.
        case unknownCurrency = "unknown_currency"
        /// An ISO 4217 code without a minor unit (gold, test codes): no money can be held in it.
        case currencyWithoutMinorUnit = "currency_without_minor_unit"
        /// Amounts of different currencies in one sum or comparison.
        case currencyMismatch = "currency_mismatch"
        /// A result outside 38 digits.
        case overflow = "number_out_of_range"
        /// A product that 18 decimals cannot hold exactly.
        case inexact = "number_inexact"
        /// A quotient with a divisor of zero.
        case divisionByZero = "division_by_zero"
        /// An argument outside its domain: a scale, a weight, a rate, the root of a negative number.
        case outOfDomain = "number_out_of_domain"
    }

    /// The rule that was broken.
    package let code: Code
    /// What was expected, without the input.
    package let message: String

    /// An error with its rule and what was expected.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Always false: the same input stays wrong.
    package var isRetriable: Bool { false }

    /// Code and message.
    package var description: String { "\(code.rawValue): \(message)" }

    static var overflow: MoneyError { MoneyError(.overflow, "the number does not fit in 38 digits") }
}
