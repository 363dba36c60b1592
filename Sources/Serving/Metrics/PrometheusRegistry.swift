public import CoreMetrics
import Synchronization

/// Keeps what is measured, and prints it in the text form that Prometheus reads (exposition format 0.0.4).
///
/// It is a backend of swift-metrics: counters, recorders, meters and timers that are made with it appear in the text.
/// A label of theirs is the metric's name; timers and aggregating recorders become histograms, timers in seconds.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// Counter(label: "rows_total", dimensions: [("repository", "dp1")], factory: registry).increment(by: 20)
/// print(registry.text())   // rows_total{repository="dp1"} 20
/// ```
public final class PrometheusRegistry: MetricsFactory, Sendable {
    private struct Key: Hashable {
        let labels: String
    }

    private struct Family {
        var type: String
        var help: String?
        var series: [Key: any Series]
    }

    private struct State {
        var families: [String: Family] = [:]
        var observers: [(name: String, help: String, read: @Sendable () -> [(labels: [(String, String)], value: Double)])] = []
    }

    private let state = Mutex(State())

    /// Upper bounds of histograms, in seconds.
    public static let buckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    ]

    public init() {}

    // MARK: Describing and observing

    /// Says what a metric means.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.families[name, default: Family(type: "untyped", series: [:])].help = help }
    }

    /// Adds a gauge that is read whenever the text is asked for.
    public func observe(_ name: String, _ help: String, _ read: @escaping @Sendable () -> Double) {
        observe(name, help) { [([], read())] }
    }

    /// Adds gauges with labels that are read whenever the text is asked for.
    public func observe(
        _ name: String, _ help: String, _ read: @escaping @Sendable () -> [(labels: [(String, String)], value: Double)]
    ) {
        state.withLock { $0.observers.append((name, help, read)) }
    }

    /// The text, sorted by name.
    public func text() -> String {
        let (families, observers) = state.withLock { ($0.families, $0.observers) }
        var blocks: [(name: String, text: String)] = []
        for (name, family) in families where !family.series.isEmpty {
            var text = Self.head(name, family.help, family.type)
            for (key, series) in family.series.sorted(by: { $0.key.labels < $1.key.labels }) {
                series.write(name: name, labels: key.labels, to: &text)
            }
            blocks.append((name, text))
        }
        for observer in observers {
            var text = Self.head(observer.name, observer.help, "gauge")
            for (labels, value) in observer.read() {
                text += Exposition.line(observer.name, Exposition.labels(labels), value)
            }
            blocks.append((observer.name, text))
        }
        return blocks.sorted { $0.name < $1.name }.map(\.text).joined()
    }

    private static func head(_ name: String, _ help: String?, _ type: String) -> String {
        (help.map { "# HELP \(name) \(Exposition.help($0))\n" } ?? "") + "# TYPE \(name) \(type)\n"
    }

    // MARK: MetricsFactory

    private func series<S: Series>(
        _ label: String, _ dimensions: [(String, String)], type: String, _ make: () -> S
    ) -> S {
        let name = Exposition.name(label)
        let key = Key(labels: Exposition.labels(dimensions))
        return state.withLock { state in
            var family = state.families[name] ?? Family(type: type, series: [:])
            if family.series.isEmpty { family.type = type }
            // A name that has another type already would make the text invalid: what is measured then goes nowhere.
            guard family.type == type else { return make() }
            if let known = family.series[key] as? S { return known }
            let new = make()
            family.series[key] = new
            state.families[name] = family
            return new
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, type: "counter") { CounterSeries() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, type: "counter") { GaugeSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, type: "gauge") { GaugeSeries() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { series(label, dimensions, type: "histogram") { HistogramSeries(Self.buckets) } } else {
            series(label, dimensions, type: "gauge") { GaugeSeries() }
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, type: "histogram") { HistogramSeries(Self.buckets) }
    }

    /// What was measured stays in the text: Prometheus expects counters not to vanish.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
