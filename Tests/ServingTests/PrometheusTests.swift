import CoreMetrics
import Testing

@testable import Serving

@Suite struct PrometheusTests {
    @Test func countersAndGaugesAreLines() {
        let registry = PrometheusRegistry()
        registry.describe("rows_total", "Rows.\nAll.")
        Counter(label: "rows_total", dimensions: [("repository", "a\"b\\c\n")], factory: registry).increment(by: 3)
        Counter(label: "rows_total", dimensions: [("repository", "a\"b\\c\n")], factory: registry).increment()
        Gauge(label: "pool.use", factory: registry).record(1.5)
        registry.observe("level", "A level.") { 7 }
        #expect(
            registry.text() == """
                # HELP level A level.
                # TYPE level gauge
                level 7
                # TYPE pool_use gauge
                pool_use 1.5
                # HELP rows_total Rows.\\nAll.
                # TYPE rows_total counter
                rows_total{repository="a\\"b\\\\c\\n"} 4

                """)
    }

    @Test func timersAreHistogramsInSecondsWithCumulativeBuckets() {
        let registry = PrometheusRegistry()
        let timer = Timer(label: "t_seconds", dimensions: [("route", "/x")], factory: registry)
        for milliseconds in [1, 20, 20, 999_000] as [Int64] { timer.recordNanoseconds(milliseconds * 1_000_000) }
        let text = registry.text()
        for line in [
            "# TYPE t_seconds histogram", #"t_seconds_bucket{route="/x",le="0.0005"} 0"#,
            #"t_seconds_bucket{route="/x",le="0.001"} 1"#, #"t_seconds_bucket{route="/x",le="0.025"} 3"#,
            #"t_seconds_bucket{route="/x",le="300"} 3"#, #"t_seconds_bucket{route="/x",le="+Inf"} 4"#,
            #"t_seconds_count{route="/x"} 4"#,
        ] { #expect(text.contains(line + "\n")) }
    }

    @Test func aNameHasOneType() {
        let registry = PrometheusRegistry()
        Counter(label: "thing", factory: registry).increment()
        Gauge(label: "thing", factory: registry).record(5)
        #expect(registry.text() == "# TYPE thing counter\nthing 1\n")
    }
}
