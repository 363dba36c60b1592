// Reads expressions, one JSON string a line, and prints for each "ok" and its syntax, empty for a blank text, or
// "error" and the reason; both as JSON strings.
import QueryModel
import StructuredData

while let line = readLine() {
    guard let text = try? StructuredValue(json: line).stringValue else {
        print("error \"not a JSON string\"")
        continue
    }
    do {
        let description = try ExpressionSyntax.parse(text)?.description ?? ""
        print("ok", StructuredValue.string(description).description)
    } catch {
        print("error", StructuredValue.string(error.description).description)
    }
}
