import AstroTime
import ButlerModel

/// A Python format string over the data ID, the records and the identity of a dataset, such as
/// `{records[visit].name}-{detector:03d}`.
///
/// Source: VO services reference, section 1.3; Python library reference, "Format String Syntax".
struct ObsCoreTemplate: Sendable {
    enum Failure: Error {
        /// The data ID has no such key or element; Python's `KeyError`.
        case missing(String)
        case unusable(String)
    }

    private enum Step: Sendable, Hashable {
        case attribute(String)
        case key(String)
    }

    private enum Part: Sendable {
        case text(String)
        case field(text: String, name: String, steps: [Step], conversion: Unicode.Scalar?, specification: String)
    }

    let text: String
    private var parts: [Part] = []

    init(_ text: String) throws(FormatProblem) {
        self.text = text
        var scanner = FormatScanner(text)
        while let piece = try scanner.next() {
            switch piece {
            case .literal(let text), .brace(let text): parts.append(.text(text))
            case .field(let names, let conversion, let specification):
                guard !specification.contains("{") else {
                    throw FormatProblem("field '\(names)' has a field inside its format, which is not supported")
                }
                let (name, steps) = try Self.steps(names)
                parts.append(
                    .field(
                        text: names, name: name, steps: steps, conversion: conversion, specification: specification))
            }
        }
    }

    private static func steps(_ names: String) throws(FormatProblem) -> (String, [Step]) {
        let end = names.firstIndex { $0 == "." || $0 == "[" } ?? names.endIndex
        let name = String(names[..<end])
        guard !name.isEmpty else { throw FormatProblem("it has a field without a name, '{\(names)}'") }
        var steps: [Step] = []
        var rest = names[end...]
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == "[" {
                guard let close = rest.firstIndex(of: "]") else { throw FormatProblem("'\(names)' lacks a ']'") }
                steps.append(.key(String(rest[..<close])))
                rest = rest[rest.index(after: close)...]
            } else if first == "." {
                let next = rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
                steps.append(.attribute(String(rest[..<next])))
                rest = rest[next...]
            } else {
                throw FormatProblem("'\(names)' has text behind a ']'")
            }
        }
        return (name, steps)
    }

    /// - Parameters:
    ///   - dataID: expanded.
    ///   - fields: the values that have a name of their own.
    func formatted(_ dataID: DataCoordinate, _ fields: [String: FormatValue]) throws(Failure) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .field(let text, let name, let steps, let conversion, let specification):
                let value = try value(name, steps, text, dataID, fields)
                do throws(FormatProblem) {
                    if let conversion {
                        result += try FormatValue.string(value.converted(conversion)).formatted(specification)
                    } else {
                        result += try value.formatted(specification)
                    }
                } catch {
                    throw .unusable("field '\(text)' \(error.reason)")
                }
            }
        }
        return result
    }

    private func value(
        _ name: String, _ steps: [Step], _ text: String, _ dataID: DataCoordinate, _ fields: [String: FormatValue]
    ) throws(Failure) -> FormatValue {
        guard name == "records" else {
            guard let value = fields[name] else { throw .missing(name) }
            guard steps.isEmpty else { throw .unusable("field '\(text)': '\(name)' has no attributes here") }
            return value
        }
        guard case .key(let elementName)? = steps.first, case .attribute(let column)? = steps.dropFirst().first else {
            throw .unusable("field '\(text)' is not of the form records[element].attribute")
        }
        guard let element = dataID.group.universe.element(elementName), dataID.group.elements.contains(element) else {
            throw .missing(elementName)
        }
        guard let record = dataID.record(of: element), let value = record[column] else {
            throw .unusable("field '\(text)': the '\(elementName)' record of \(dataID) has no '\(column)'")
        }
        return try Self.value(value, steps.dropFirst(2), text)
    }

    private static func value(
        _ value: ColumnValue, _ steps: ArraySlice<Step>, _ text: String
    ) throws(Failure) -> FormatValue {
        var steps = steps
        let time: TAINanoseconds
        switch value {
        case .timespan(let span):
            let isOpen: Bool
            switch steps.popFirst() {
            case .attribute("begin"): (time, isOpen) = (span.begin, span.hasUnboundedBegin)
            case .attribute("end"): (time, isOpen) = (span.end, span.hasUnboundedEnd)
            default: throw .unusable("field '\(text)': ask for 'begin' or 'end' of a timespan")
            }
            if isOpen {
                guard steps.isEmpty else { throw .unusable("field '\(text)': this end of the timespan is open") }
                return .none
            }
        case .datetime(let moment): time = moment
        default:
            guard steps.isEmpty else { throw .unusable("field '\(text)' asks for an attribute of a plain value") }
            do { return try FormatValue(value) } catch { throw .unusable("field '\(text)' \(error.reason)") }
        }
        var scale = TimeScale.tai
        while case .attribute(let name)? = steps.first, let named = TimeScale(rawValue: name) {
            scale = named
            steps.removeFirst()
        }
        guard steps.count == 1, case .attribute(let format)? = steps.first else {
            throw .unusable("field '\(text)' must end with a format of time, as in .utc.isot")
        }
        do {
            switch format {
            case "isot": return .string(try time.text(scale: scale, precision: 6))
            case "iso": return .string(try time.text(scale: scale, precision: 6, separator: " "))
            case "mjd": return .float(try time.mjd(scale: scale))
            case "jd":
                let date = try JulianDate(time).converted(to: scale)
                return .float(date.day + date.fraction)
            default: throw Failure.unusable("field '\(text)': use one of the formats isot, iso, mjd and jd of a time")
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unusable("field '\(text)': \(error)")
        }
    }
}
