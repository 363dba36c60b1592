// Reads time literals, one a line, and prints for each the nanoseconds of TAI, with "clamped" after them when the
// literal lies outside the legal range, or "error" and the reason.
import AstroTime

while let line = readLine() {
    do {
        let literal = try TimeLiteral(line)
        print(literal.time.rawValue, literal.clamp == nil ? "" : "clamped")
    } catch {
        print("error", error)
    }
}
