import Logging
import Serving

extension ServeOptions {
    /// Limits, times, TLS and the log level: see `docs/operations.md`.
    mutating func readOperations(_ settings: ServeSettings) throws(ServeError) {
        try read(settings, "limits.connections", &serving.limits.connections)
        try read(settings, "limits.requests", &serving.limits.requests)
        try read(settings, "limits.streams", &queries.queue.running)
        try read(settings, "limits.streams_per_user", &queries.queue.runningPerUser)
        try read(settings, "limits.waiting", &queries.queue.waiting, from: 0)
        try read(settings, "limits.waiting_per_user", &queries.queue.waitingPerUser, from: 0)
        try read(settings, "limits.read_connections", &queries.readConnections, from: 2)
        try read(settings, "limits.body_bytes", &queries.bodyBytes)
        var rows = queries.rows ?? 0
        try read(settings, "limits.rows", &rows, from: 0)
        queries.rows = rows > 0 ? rows : nil

        try read(settings, "timeouts.idle", &serving.idleTimeout)
        try read(settings, "timeouts.request_head", &serving.limits.headTime)
        try read(settings, "timeouts.request_body", &serving.limits.bodyTime)
        try read(settings, "timeouts.stalled_response", &serving.limits.stalledTime)
        try read(settings, "timeouts.half_closed", &serving.limits.halfClosedTime)
        try read(settings, "timeouts.queue", &queries.queue.patience)
        try read(settings, "timeouts.queue_of_user", &queries.queue.userPatience)
        try read(settings, "timeouts.shutdown", &serving.shutdownGrace)
        try read(settings, "timeouts.shutdown_delay", &serving.shutdownDelay)
        try readOptional(settings, "timeouts.query", &queries.stream.time)
        try readOptional(settings, "timeouts.slow_reader", &queries.stream.waiting)

        if let setting = settings["log_level", "STEWARD_LOG_LEVEL"] {
            serving.logLevel = try setting.choice(of: Logger.Level.self)
        }
        let certificate = try settings["tls.certificate", "STEWARD_TLS_CERTIFICATE"]?.text()
        let key = settings["tls.key", "STEWARD_TLS_KEY"]
        switch (certificate, try key?.text()) {
        case (nil, nil): break
        case (let certificate?, let key?): serving.tls = TLSFiles(certificate: certificate, key: key)
        case (_?, nil):
            throw settings.missing("tls.key", "STEWARD_TLS_KEY", beside: "a certificate")
        case (nil, _?):
            throw settings.missing("tls.certificate", "STEWARD_TLS_CERTIFICATE", beside: "a key")
        }
    }

    private func read(
        _ settings: ServeSettings, _ key: String, _ value: inout Int, from minimum: Int64 = 1
    ) throws(ServeError) {
        if let setting = settings[key, ServeSettings.variable(key)] { value = Int(try setting.number(in: minimum...1 << 40)) }
    }

    private func read(_ settings: ServeSettings, _ key: String, _ value: inout Duration) throws(ServeError) {
        if let setting = settings[key, ServeSettings.variable(key)] { value = try setting.seconds() }
    }

    /// 0 stands for no limit.
    private func readOptional(_ settings: ServeSettings, _ key: String, _ value: inout Duration?) throws(ServeError) {
        guard let setting = settings[key, ServeSettings.variable(key)] else { return }
        let seconds = try setting.seconds()
        value = seconds == .zero ? nil : seconds
    }
}

extension ServeSettings.Setting {
    /// Seconds, with decimals if need be.
    func seconds() throws(ServeError) -> Duration {
        let number = value.numberValue ?? value.stringValue.flatMap(Double.init)
        guard let number, (0...1e9).contains(number) else { throw failure("must be a number of seconds") }
        return .milliseconds(Int64((number * 1000).rounded()))
    }
}

extension ServeSettings {
    func missing(_ key: String, _ variable: String, beside other: String) -> ServeError {
        .badSetting(origin: "'\(key)' (\(variable))", reason: "is needed beside \(other)")
    }
}
